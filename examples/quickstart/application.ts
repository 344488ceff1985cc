import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import type { SyncTarget } from "concordat/repositories";
import { Kysely, sql } from "kysely";
import { Failure } from "./failures.ts";

/** The tables that the application looks at. They are those that `createTables` makes; yours may be others. */
interface Tables {
  concordat_user: {
    id: string;
    user_name: string;
    display_name: string | null;
    active: 0 | 1 | null;
  };
  concordat_group: { id: string; display_name: string };
  concordat_group_member: { group_id: string; member_id: string };
}

/** A row of the application's tables. */
export type Row = UserRow | GroupRow;

/** A row of a user, with the groups that the user is in. */
export interface UserRow {
  readonly type: "User";
  readonly id: string;
  readonly userName: string;
  readonly displayName: string | null;
  readonly active: boolean;
  readonly groups: readonly string[];
}

/** A row of a group, with how many members it has. */
export interface GroupRow {
  readonly type: "Group";
  readonly id: string;
  readonly displayName: string;
  readonly members: number;
}

/** How much there is in the tables. */
export interface Counts {
  readonly users: number;
  readonly disabled: number;
  readonly groups: number;
  readonly memberships: number;
}

/**
 * The application and its database. Synchronisation writes through one connection; whatever the application shows it
 * reads through another, and so sees what is committed and nothing else.
 */
export class Application {
  /** Where synchronisation writes to. */
  readonly target: SyncTarget;
  readonly #written: Kysely<Tables>;
  readonly #read: Kysely<Tables>;

  private constructor(written: Kysely<Tables>, read: Kysely<Tables>) {
    this.target = kyselyTarget({ db: written });
    this.#written = written;
    this.#read = read;
  }

  /**
   * Opens the database in this file, and makes it if it is not there.
   *
   * @throws {Failure} it cannot be opened.
   */
  static async open(path: string): Promise<Application> {
    const written = new Kysely<Tables>({ dialect: nodeSqliteDialect({ path }) });
    try {
      await createTables(written);
    } catch (error) {
      await written.destroy();
      throw new Failure(`The database ${path} cannot be opened: ${rootMessage(error)}.`, {
        cause: error,
      });
    }
    return new Application(written, new Kysely<Tables>({ dialect: nodeSqliteDialect({ path }) }));
  }

  /** The user of this name or id. */
  async user(by: { userName: string } | { id: string }): Promise<UserRow | undefined> {
    const row = await this.#read
      .selectFrom("concordat_user")
      .select(["id", "user_name", "display_name", "active"])
      .where(({ eb }) => ("id" in by ? eb("id", "=", by.id) : eb("user_name", "=", by.userName)))
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const groups = await this.#read
      .selectFrom("concordat_group_member")
      .innerJoin("concordat_group", "concordat_group.id", "concordat_group_member.group_id")
      .select("display_name")
      .where("member_id", "=", row.id)
      .orderBy("display_name")
      .execute();
    return {
      type: "User",
      id: row.id,
      userName: row.user_name,
      displayName: row.display_name,
      active: row.active !== 0,
      groups: groups.map((group) => group.display_name),
    };
  }

  /** The group of this name or id. */
  async group(by: { displayName: string } | { id: string }): Promise<GroupRow | undefined> {
    const row = await this.#read
      .selectFrom("concordat_group")
      .select(["id", "display_name"])
      .where(({ eb }) =>
        "id" in by ? eb("id", "=", by.id) : eb("display_name", "=", by.displayName),
      )
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const { members } = await this.#read
      .selectFrom("concordat_group_member")
      .select(({ fn }) => fn.countAll<number>().as("members"))
      .where("group_id", "=", row.id)
      .executeTakeFirstOrThrow();
    return { type: "Group", id: row.id, displayName: row.display_name, members };
  }

  /** Counts the rows. */
  async counts(): Promise<Counts> {
    const { rows } = await sql<Counts>`select
      (select count(*) from concordat_user) as users,
      (select count(*) from concordat_user where active = 0) as disabled,
      (select count(*) from concordat_group) as groups,
      (select count(*) from concordat_group_member) as memberships`.execute(this.#read);
    return rows[0] ?? { users: 0, disabled: 0, groups: 0, memberships: 0 };
  }

  /** Closes the database. */
  async close(): Promise<void> {
    await this.#read.destroy();
    await this.#written.destroy();
  }
}

/** The path of a new database, in a new directory that only this user can look into. */
export async function temporaryDatabase(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), "concordat-")), "application.sqlite");
}

/** What SQLite said in the first place. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}
