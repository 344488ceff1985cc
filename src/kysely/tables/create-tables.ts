import { InvalidValueError, UnsupportedError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import {
  quotedTableNames,
  type TableNames,
  type TableOptions,
  tableNames,
} from "../column-map/table-names.js";
import { assertMariaDb, type MariaDbServer } from "../sql/mariadb-server.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { definitions, type TableSet, tablesOf, tableVersions, uniqueIndex } from "./definitions.js";
import { formerTableNames, migrations, type NameClash } from "./migrations.js";
import { orderIndexes } from "./order-indexes.js";
import { removeMoved } from "./sync-migration.js";

/**
 * What the first release looks at before it makes tables: it refuses those of any release that calls itself later.
 * Since then each set of tables has a version of its own.
 */
const layout = 2;

/** What no two resources of the package's own tables have in common, beside the `userName`. */
interface UniqueAttributes {
  readonly users?: readonly "externalId"[];
  /** A `displayName` is compared without regard to case. */
  readonly groups?: readonly ("displayName" | "externalId")[];
}

/** The paths of attributes with one value, such as `displayName`, `name.familyName` and `title`. */
interface OrderIndexes {
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
}

/** Which of the package's own tables are meant. */
export interface TableSets {
  /**
   * `sync`: links, their names, memberships and checkpoints of synchronization; `resources`: users and groups; `sso`:
   * consumers and tokens of a sign-on server; `nonces`: those of signed messages; `federation`: servers; `identity`:
   * the map of a store's own ids; `groupMapping`: which external group is which local ones. Default: all.
   */
  readonly sets?: readonly TableSet[];
}

/** What making the tables has come upon. */
export interface TablesCreated {
  /**
   * Users who have the name of another one, by the form in which this release compares names, while they had names of
   * their own by that of an earlier release. They are not found by it until one of the two is renamed. The call that
   * migrates the tables reports it; `checkKeys` of the repository reports it again.
   */
  readonly clashes: readonly NameClash[];
}

/**
 * Makes the package's own tables, or those of the `sets` that are wanted: what synchronization knows (links and their
 * names, references, grants, checkpoints), the nonces of signed messages, the consumers and tokens of a sign-on server,
 * the mappings of groups, and users and groups for applications that have no tables of their own. Any number of
 * processes may call it at once.
 *
 * Tables that are there already keep what is in them. Those of an earlier release are brought to the form that this one
 * reads, which may be interrupted at any time and is then gone on with by the next call. A process of the earlier
 * release that still runs fails from then on, instead of writing beside.
 *
 * The database is SQLite, PostgreSQL or MariaDB. MariaDB commits with every table, so that it cannot be part of a
 * transaction there.
 *
 * `unique` adds unique indexes: a second user with such a value is refused with a `UniquenessError`, 409 in
 * SCIM. They stay when it is left out later; where two have the same already, the database's error is passed on.
 *
 * `indexes` adds an index for the order by each of these attributes, of those that have none: all but `userName` and
 * the `displayName` of groups. Without one the database sorts what matches at each question; each costs at each write.
 * They stay when it is left out later.
 *
 * @throws {InvalidValueError} a set is unknown; there is no order by an attribute that is to have an index, or it has
 * several values.
 * @throws {UnsupportedError} an index is asked for on MariaDB, which has none over expressions; the tables were made by
 * a later release; the database is MySQL, which lacks what the tables need; MariaDB is not in a strict mode, or is in
 * the mode `NO_BACKSLASH_ESCAPES`, or in a transaction.
 */
export async function createTables(
  db: KyselyDatabase,
  options: TableOptions &
    TableSets &
    CallOptions & { readonly unique?: UniqueAttributes; readonly indexes?: OrderIndexes } = {},
): Promise<TablesCreated> {
  const { sets } = options;
  assertKnown(sets);
  if (sets !== undefined && !sets.includes("resources")) {
    for (const name of ["unique", "indexes"] as const) {
      if (options[name] === undefined) continue;
      throw new InvalidValueError(name, "it is of the set `resources`, which is not among `sets`.");
    }
  }
  let clashes: NameClash[] = [];
  await define(db, options, async (session, names) => {
    // What is undone is done again.
    clashes = [];
    const { dialect } = session;
    if (dialect.name === "mariadb") {
      const [server] = await session.read<MariaDbServer>(
        () => "select version() as version, @@sql_mode as mode",
        options,
      );
      if (server !== undefined) assertMariaDb(server);
    }
    await session.write(
      () =>
        `create table if not exists ${names.version} (version ${dialect.types.integer} not null primary key)`,
      options,
    );
    await session.write(
      () =>
        `create table if not exists ${names.setVersion} (
          name ${dialect.types.key(32)} not null primary key, version ${dialect.types.integer} not null)`,
      options,
    );
    const [first] = await session.read<{ version: number }>(
      () => `select version from ${names.version}`,
      options,
    );
    if (first !== undefined && first.version > layout) throw ofALaterRelease(first.version, layout);
    const sets = await session.read<{ name: TableSet; version: number }>(
      () => `select name, version from ${names.setVersion}`,
      options,
    );
    const stored = new Map(sets.map(({ name, version }) => [name, version]));
    if (first !== undefined && first.version < layout) {
      // The first release made all of its tables at once.
      for (const set of allSets) {
        if (stored.has(set)) continue;
        stored.set(set, 1);
        await session.write(
          (p) => `insert into ${names.setVersion} (name, version) values ${p.rows([[set, 1]])}`,
          options,
        );
      }
    }
    const statements = definitions(names, dialect);
    const { sets: wanted = allSets } = options;
    for (const set of wanted) {
      const version = tableVersions[set];
      const present = stored.get(set) ?? version;
      if (present > version) throw ofALaterRelease(present, version, set);
      for (const migrate of (migrations[set] ?? []).slice(present - 1)) {
        await migrate(session, options, (clash) => clashes.push(clash));
      }
      for (const text of statements[set]) await session.write(() => text, options);
      await session.write(
        (p) => `insert into ${names.setVersion} (name, version) values ${p.rows([[set, version]])}
          ${dialect.onConflict(["name"], ["version"])}`,
        options,
      );
    }
    if (wanted.includes("sync")) await removeMoved(session, options);
    const { users = [], groups = [] } = options.unique ?? {};
    for (const path of users)
      await session.write(() => uniqueIndex(dialect, names.user, path), options);
    for (const path of groups)
      await session.write(() => uniqueIndex(dialect, names.group, path), options);
    for (const text of orderIndexes(session, options)) await session.write(() => text, options);
    if (first?.version === layout) return;
    await session.write(
      (p) => `insert into ${names.version} (version) values (${p.value(layout)})
        ${dialect.onConflict(["version"], [])}`,
      options,
    );
    await session.write(
      (p) => `delete from ${names.version} where version < ${p.value(layout)}`,
      options,
    );
  });
  return { clashes };
}

const allSets = Object.keys(tableVersions) as TableSet[];

function assertKnown(sets: readonly string[] = []): void {
  for (const [at, set] of sets.entries()) {
    if (Object.hasOwn(tableVersions, set)) continue;
    throw new InvalidValueError(`sets[${at}]`, `it is none of ${allSets.join(", ")}.`);
  }
}

function ofALaterRelease(stored: number, known: number, set?: TableSet): UnsupportedError {
  const tables = set === undefined ? "The tables" : `The tables of the set "${set}"`;
  return new UnsupportedError(
    `${tables} have the version ${stored}, and this release knows the version ${known}.`,
  );
}

/**
 * Removes the package's own tables, or those of the `sets` that are named, with everything in them. Tables that are not
 * there are ignored.
 *
 * @throws {InvalidValueError} a set is unknown.
 * @throws {UnsupportedError} MariaDB is in a transaction, which it would commit.
 */
export async function dropTables(
  db: KyselyDatabase,
  options: TableOptions & TableSets & CallOptions = {},
): Promise<void> {
  const { sets: unwanted = allSets } = options;
  assertKnown(unwanted);
  await define(db, options, async (session, names) => {
    const { dialect } = session;
    const drop = async (tables: readonly string[]): Promise<void> => {
      for (const table of tables) {
        await session.write(() => `drop table if exists ${table}`, options);
      }
    };
    if (unwanted.includes("sync")) {
      await drop(formerTableNames(options).map((name) => dialect.quote(name)));
    }
    for (const set of unwanted) {
      await drop(tablesOf[set].map((table) => names[table]).reverse());
    }
    if (allSets.every((set) => unwanted.includes(set))) {
      await drop([names.setVersion, names.version]);
      return;
    }
    const question = dialect.tableQuestion(tableNames(options).setVersion);
    if (unwanted.length === 0 || (await session.read(() => question)).length === 0) return;
    await session.write(
      (p) => `delete from ${names.setVersion} where name in ${p.list(unwanted)}`,
      options,
    );
  });
}

/** Makes or removes tables, one process after the other. */
async function define(
  db: KyselyDatabase,
  options: TableOptions & CallOptions,
  work: (session: Session, names: TableNames) => Promise<void>,
): Promise<void> {
  const outer = new Session(db);
  const { definitionsCommit, lockDefinitions, unlockDefinitions } = outer.dialect;
  const names = quotedTableNames(outer.dialect, options);
  if (definitionsCommit && outer.inTransaction) {
    throw new UnsupportedError(
      "Tables cannot be made or removed in a transaction of this database.",
    );
  }
  await outer.atomically(async (session) => {
    if (lockDefinitions !== undefined) await session.read(() => lockDefinitions, options);
    try {
      await work(session, names);
    } finally {
      if (unlockDefinitions !== undefined) await session.read(() => unlockDefinitions);
    }
  });
}
