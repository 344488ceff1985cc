import {
  createTables,
  KyselyGroupMappingRepository,
  KyselyGroupRepository,
  KyselyMembershipRepository,
  KyselyUserRepository,
  nodeSqliteDialect,
} from "concordat/kysely";
import {
  type ExternalGroupRepository,
  type GroupMapping,
  type GroupMappingRepository,
  mapGroups,
  type UserRepository,
} from "concordat/repositories";
import { Kysely, sql } from "kysely";

/**
 * The tables that the application looks at: users and the identity provider's groups as `createTables` makes them,
 * teams of its own.
 */
interface Tables {
  concordat_user: {
    id: string;
    user_name: string;
    display_name: string | null;
    active: 0 | 1 | null;
  };
  concordat_group: { id: string; display_name: string };
  concordat_group_member: { group_id: string; member_id: string };
  team: { id: number; name: string };
  team_member: { team_id: number; user_id: string };
}

/** A user as the page shows it. */
export interface UserRow {
  readonly userName: string;
  readonly displayName: string | null;
  readonly active: boolean;
  /** The names of the teams that the user is in. */
  readonly teams: readonly string[];
  /** The names of the groups of the identity provider that the user is in. */
  readonly groups: readonly string[];
}

/** A group of the identity provider, or a team, as the page shows it. */
export interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly members: number;
}

/** The application: its users, its teams, and the groups of the identity provider that are mapped to them. */
export class Application implements AsyncDisposable {
  readonly users: UserRepository;
  /** The groups of the identity provider; `groups.local` are the teams. */
  readonly groups: ExternalGroupRepository;
  readonly #mappings: GroupMappingRepository;
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.#db = db;
    this.users = new KyselyUserRepository(db);
    this.#mappings = new KyselyGroupMappingRepository(db);
    this.groups = mapGroups({
      external: new KyselyGroupRepository(db),
      local: new KyselyGroupRepository(db, {
        map: {
          groups: {
            table: "team",
            id: { column: "id", type: "integer", reused: false },
            attributes: { displayName: "name" },
            others: "ignore",
          },
          members: { table: "team_member", group: "team_id", member: "user_id" },
        },
      }),
      mappings: this.#mappings,
      memberships: new KyselyMembershipRepository(db),
    });
  }

  /** Opens the database, and makes it if it is not there. */
  static async open(path: string): Promise<Application> {
    const db = new Kysely<Tables>({ dialect: nodeSqliteDialect({ path }) });
    await createTables(db);
    await sql`create table if not exists team (
      id integer primary key autoincrement,
      name text not null unique
    )`.execute(db);
    await sql`create table if not exists team_member (
      team_id integer not null references team (id) on delete cascade,
      user_id text not null references concordat_user (id) on delete cascade,
      primary key (team_id, user_id)
    )`.execute(db);
    await db
      .insertInto("team")
      .values(["Editors", "Support"].map((name, index) => ({ id: index + 1, name })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return new Application(db);
  }

  async userRows(): Promise<readonly UserRow[]> {
    const users = await this.#db
      .selectFrom("concordat_user")
      .select(["id", "user_name", "display_name", "active"])
      .orderBy("user_name")
      .limit(200)
      .execute();
    const memberships = await this.#db
      .selectFrom("team_member")
      .innerJoin("team", "team.id", "team_member.team_id")
      .select(["user_id", "name"])
      .orderBy("name")
      .execute();
    const teams = Map.groupBy(memberships, (membership) => membership.user_id);
    const groups = Map.groupBy(
      await this.#db
        .selectFrom("concordat_group_member")
        .innerJoin("concordat_group as own", "own.id", "group_id")
        .select(["member_id", "display_name"])
        .orderBy("display_name")
        .execute(),
      (membership) => membership.member_id,
    );
    return users.map((user) => ({
      userName: user.user_name,
      displayName: user.display_name,
      active: user.active !== 0,
      teams: teams.get(user.id)?.map(({ name }) => name) ?? [],
      groups: groups.get(user.id)?.map(({ display_name }) => display_name) ?? [],
    }));
  }

  /** The groups of the identity provider. */
  async groupRows(): Promise<readonly GroupRow[]> {
    return await this.#db
      .selectFrom("concordat_group as own")
      .select((eb) => [
        "id",
        "display_name as name",
        eb
          .selectFrom("concordat_group_member")
          .select(({ fn }) => fn.countAll<number>().as("count"))
          .whereRef("group_id", "=", "own.id")
          .$asScalar()
          .$notNull()
          .as("members"),
      ])
      .orderBy("name")
      .limit(200)
      .execute();
  }

  /** The teams, with how many of their members can sign in: who is disabled does not count. */
  async teamRows(): Promise<readonly GroupRow[]> {
    const teams = await this.#db
      .selectFrom("team")
      .leftJoin("team_member", "team_id", "team.id")
      .leftJoin("concordat_user as member", (join) =>
        join
          .onRef("member.id", "=", "user_id")
          .on(({ eb, fn }) => eb(fn.coalesce("active", eb.val<0 | 1>(1)), "=", 1)),
      )
      .select(({ fn }) => ["team.id", "name", fn.count<number>("member.id").as("members")])
      .groupBy(["team.id", "name"])
      .orderBy("name")
      .execute();
    return teams.map((team) => ({ ...team, id: String(team.id) }));
  }

  async mappings(): Promise<readonly GroupMapping[]> {
    return await this.#mappings.list();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db.destroy();
  }
}
