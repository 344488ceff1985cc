import { DatabaseSync } from "node:sqlite";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { Kysely } from "kysely";
import { localName, sharedGroupName, stayingName } from "./names.js";

/** An account or a group of the application. */
export interface Resource {
  readonly id: string;
  readonly type: "User" | "Group";
  /** The id of the entry that it stands for; null if it is local. */
  readonly externalId: string | null;
  readonly attributes: Readonly<Record<string, string | boolean>>;
}

/** All that is in the tables. */
export interface ApplicationContent {
  readonly resources: readonly Resource[];
  /** The members of each group, by ids of the application. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
  /** What synchronisation has not finished, one text for each. */
  readonly unfinished: readonly string[];
  /** The entries whose last change is kept because the application refused it. */
  readonly refused: ReadonlySet<string>;
  /** The resources that were there when their entries were linked to them, by their ids. */
  readonly adopted: ReadonlySet<string>;
}

/** Accounts, a group and memberships that no directory knows of, with every column of theirs. */
export interface LocalContent {
  readonly rows: readonly string[];
  readonly memberships: readonly { readonly group: string; readonly member: string }[];
}

/** Makes the tables of an application that has nothing. */
export async function createApplication(database: string): Promise<void> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: database }) });
  try {
    await createTables(db);
  } finally {
    await db.destroy();
  }
}

/** Adds the accounts and the group that are there before synchronisation begins. */
export async function addLocalAccounts(database: string): Promise<void> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: database }) });
  try {
    await createTables(db);
    const { users, groups } = kyselyTarget({ db });
    const keeper = await users.create({ userName: "keeper", title: "Local", active: true });
    await users.create({ userName: localName, displayName: "Somebody else", active: true });
    const locals = await groups?.create({ displayName: "locals" });
    await groups?.changeMembers(locals?.id ?? "", { add: [{ value: keeper.id, type: "User" }] });
  } finally {
    await db.destroy();
  }
}

/** Puts people into groups as an administrator of the application does, and says what is local from now on. */
export async function addLocalMemberships(database: string): Promise<LocalContent> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: database }) });
  try {
    const { groups } = kyselyTarget({ db });
    const { resources } = readApplication(database);
    const idOf = (name: string) => {
      const found = resources.find(
        ({ attributes }) => (attributes["userName"] ?? attributes["displayName"]) === name,
      );
      if (found === undefined) throw new Error(`The application has no ${name}.`);
      return found.id;
    };
    const pairs = [
      ["locals", stayingName(0)],
      [sharedGroupName("dn", 0), "keeper"],
      [sharedGroupName("dn", 0), stayingName(1)],
      [sharedGroupName("uid", 0), stayingName(1)],
      [sharedGroupName("uid", 1), localName],
    ] as const;
    const memberships = pairs.map(([group, member]) => ({
      group: idOf(group),
      member: idOf(member),
    }));
    for (const { group, member } of memberships) {
      await groups?.changeMembers(group, { add: [{ value: member, type: "User" }] });
    }
    const keeper = { group: idOf("locals"), member: idOf("keeper") };
    return { rows: readLocalRows(database), memberships: [...memberships, keeper] };
  } finally {
    await db.destroy();
  }
}

/** Every column of what no entry stands for. */
export function readLocalRows(database: string): readonly string[] {
  return withDatabase(database, (db) =>
    ["concordat_user", "concordat_group"].flatMap((table) =>
      db
        .prepare(`select * from ${table} where external_id is null order by id`)
        .all()
        .map((row) => JSON.stringify(row)),
    ),
  );
}

/** Reads the tables as they are, without the repositories that wrote them. */
export function readApplication(database: string): ApplicationContent {
  return withDatabase(database, (db) => {
    const users = db.prepare("select * from concordat_user").all().map(userOf);
    const groups = db.prepare("select * from concordat_group").all().map(groupOf);
    const members = new Map<string, Set<string>>(groups.map(({ id }) => [id, new Set()]));
    for (const row of db.prepare("select group_id, member_id from concordat_group_member").all()) {
      members.get(String(row["group_id"]))?.add(String(row["member_id"]));
    }
    const unfinished = db
      .prepare(
        `select source_id, state from concordat_sync_entry where unsettled = 1 or intent_name is not null
         or (state in ('entering', 'leaving') and failure is null)`,
      )
      .all()
      .map((row) => `${row["source_id"]} is ${row["state"]} and not finished`);
    const refused = db.prepare(
      "select source_id from concordat_sync_entry where failure is not null",
    );
    const adopted = db.prepare("select resource_id from concordat_sync_entry where adopted = 1");
    return {
      resources: [...users, ...groups],
      members,
      unfinished,
      refused: new Set(refused.all().map((row) => String(row["source_id"]))),
      adopted: new Set(adopted.all().map((row) => String(row["resource_id"]))),
    };
  });
}

/** The change sequence numbers that the stored checkpoint covers, one for each server that takes writes; none before there is one. */
export function readCheckpoint(database: string): readonly string[] {
  return withDatabase(database, (db) => {
    const row = db.prepare("select checkpoint from concordat_sync_stream").get();
    const checkpoint = String(row?.["checkpoint"] ?? "");
    return checkpoint.match(/\d{14}\.\d{6}Z#[\da-f]{6}#[\da-f]{3}#[\da-f]{6}/g) ?? [];
  });
}

/** Takes away the row that says where to go on. */
export function loseCheckpoint(database: string): void {
  const db = new DatabaseSync(database, { timeout: 5_000 });
  try {
    db.exec("delete from concordat_sync_stream");
  } finally {
    db.close();
  }
}

/** The title of the account of a name. */
export function readTitle(database: string, userName: string): string | undefined {
  const { resources } = readApplication(database);
  const account = resources.find(({ attributes }) => attributes["userName"] === userName);
  return account?.attributes["title"]?.toString();
}

type Row = Readonly<Record<string, unknown>>;

function userOf(row: Row): Resource {
  const { title = "" } = JSON.parse(String(row["attributes"]));
  return {
    id: String(row["id"]),
    type: "User",
    externalId: externalIdOf(row),
    attributes: {
      userName: String(row["user_name"]),
      displayName: String(row["display_name"]),
      title,
      active: row["active"] !== 0,
    },
  };
}

function groupOf(row: Row): Resource {
  return {
    id: String(row["id"]),
    type: "Group",
    externalId: externalIdOf(row),
    attributes: { displayName: String(row["display_name"]) },
  };
}

function externalIdOf(row: Row): string | null {
  return row["external_id"] === null ? null : String(row["external_id"]);
}

function withDatabase<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}
