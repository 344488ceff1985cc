import { UnsupportedError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import { assertMariaDb, type MariaDbServer } from "../sql/dialect.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { definitions, type TableSet, tableVersions, uniqueIndex } from "./definitions.js";
import { formerTableNames, migrations, type NameClash } from "./migrations.js";
import { orderIndexes } from "./order-indexes.js";
import { removeMoved } from "./sync-migration.js";
import { quotedTableNames, type TableNames, type TableOptions } from "./table-names.js";

/**
 * What the first release looks at before it makes tables: it refuses those of any release that calls itself later. Since then each
 * set of tables has a version of its own.
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

/** What making the tables has come upon. */
export interface TablesCreated {
  /**
   * Users who have the name of another one, by the form in which this release compares names, while they had names of their own by that of
   * an earlier release. Nobody finds them by it until one of the two is renamed. It is told by the call that brings the tables forward;
   * `checkKeys` of the repository tells it again.
   */
  readonly clashes: readonly NameClash[];
}

/**
 * Makes the package's own tables: what synchronisation knows (links and their names, references, grants, checkpoints), the
 * nonces of signed messages, the consumers and tokens of a sign-on server, the mappings of groups, and users and groups for
 * applications that have no tables of their own. Any number of processes may call it at once.
 *
 * Tables that are there already keep what is in them. Those of an earlier release are brought to the form that this one reads, which
 * may be interrupted at any time and is then gone on with by the next call. A process of the earlier release that still runs fails
 * from then on, instead of writing beside.
 *
 * The database is SQLite, PostgreSQL or MariaDB. MariaDB commits with every table, so that it cannot be part of a transaction
 * there.
 *
 * `unique` adds unique indexes: whoever is to have what another one has is refused with a `UniquenessError`, 409 in SCIM. They stay when
 * it is left out later; where two have the same already, the database's error is passed on.
 *
 * `indexes` adds an index for the order by each of these attributes, of those that have none: all but `userName` and the `displayName` of
 * groups. Without one the database sorts what matches at each question; each costs at each write. They stay when it is left out later.
 *
 * @throws {InvalidValueError} there is no order by an attribute that is to have an index, or it has several values.
 * @throws {UnsupportedError} an index is asked for on MariaDB, which has none over expressions; the tables were made by a later release; the database is MySQL, which lacks what the tables need;
 * MariaDB is not in a strict mode, or is in the mode `NO_BACKSLASH_ESCAPES`, or in a transaction.
 */
export async function createTables(
  db: KyselyDatabase,
  options: TableOptions &
    CallOptions & { readonly unique?: UniqueAttributes; readonly indexes?: OrderIndexes } = {},
): Promise<TablesCreated> {
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
    const statements = definitions(names, dialect);
    for (const [set, version] of Object.entries(tableVersions) as [TableSet, number][]) {
      // Tables without a version of their own are those of the first release, or are not there.
      const present = stored.get(set) ?? (first === undefined ? version : 1);
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
    await removeMoved(session, options);
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

function ofALaterRelease(stored: number, known: number, set?: TableSet): UnsupportedError {
  const tables = set === undefined ? "The tables" : `The tables of the set "${set}"`;
  return new UnsupportedError(
    `${tables} have the version ${stored}, and this release knows the version ${known}.`,
  );
}

/**
 * Removes the package's own tables with everything in them. Tables that are not there are passed over.
 *
 * @throws {UnsupportedError} MariaDB is in a transaction, which it would commit.
 */
export async function dropTables(
  db: KyselyDatabase,
  options: TableOptions & CallOptions = {},
): Promise<void> {
  await define(db, options, async (session, names) => {
    const former = formerTableNames(options).map((name) => session.dialect.quote(name));
    for (const table of [...former, ...Object.values(names).reverse()]) {
      await session.write(() => `drop table if exists ${table}`, options);
    }
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
