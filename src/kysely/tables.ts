import { UnsupportedError } from "../core/index.js";
import type { CallOptions } from "../repositories/index.js";
import { demandMariaDb, type MariaDbServer, type SqlDialect } from "./dialect.js";
import { type KyselyDatabase, Session } from "./session.js";
import { keyLength } from "./stored-key.js";
import { quotedTableNames, type TableNames, type TableOptions } from "./table-names.js";

/** The version of the tables that this release makes and reads. */
const tablesVersion = 1;

/**
 * Makes the package's own tables: what synchronisation knows (links and their names, references, grants, checkpoints), the
 * nonces of signed messages, the consumers and tokens of a sign-on server, the mappings of groups, and users and groups for applications that have no tables of their own. Tables that are there
 * already are left as they are. Any number of processes may call it at once.
 *
 * The database is SQLite, PostgreSQL or MariaDB. MariaDB commits with every table, so that it cannot be part of a transaction
 * there.
 *
 * @throws {UnsupportedError} the tables were made by a later release; the database is MySQL, which lacks what the tables need;
 * MariaDB is not in a strict mode, or is in the mode `NO_BACKSLASH_ESCAPES`, or in a transaction.
 */
export async function createTables(
  db: KyselyDatabase,
  options: TableOptions & CallOptions = {},
): Promise<void> {
  await define(db, options, async (session, names) => {
    const { dialect } = session;
    if (dialect.name === "mariadb") {
      const [server] = await session.read<MariaDbServer>(
        () => "select version() as version, @@sql_mode as mode",
        options,
      );
      if (server !== undefined) demandMariaDb(server);
    }
    for (const text of definitions(names, dialect)) await session.write(() => text, options);
    const [stored] = await session.read<{ version: number }>(
      () => `select version from ${names.version}`,
      options,
    );
    if (stored === undefined) {
      await session.write(
        (p) => `insert into ${names.version} (version) values (${p.value(tablesVersion)})
          ${dialect.onConflict(["version"], [])}`,
        options,
      );
    } else if (stored.version > tablesVersion) {
      throw new UnsupportedError(
        `The tables have the version ${stored.version}, and this release knows the version ${tablesVersion}.`,
      );
    }
  });
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
    for (const table of Object.values(names).reverse()) {
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
  const { definitionsCommit, lockDefinitions } = outer.dialect;
  const names = quotedTableNames(outer.dialect, options);
  if (definitionsCommit && outer.inTransaction) {
    throw new UnsupportedError(
      "Tables cannot be made or removed in a transaction of this database.",
    );
  }
  await outer.atomically(async (session) => {
    if (lockDefinitions !== undefined) await session.read(() => lockDefinitions, options);
    await work(session, names);
  });
}

/**
 * The statements that make the tables and their indexes.
 *
 * Every index but that of the links begins with the column that tells rows apart, never with the source. SQLite, which keeps
 * no statistics of itself, takes a condition on the source alone for a narrow one, and would read all that the source has
 * rather than look up the five hundred ids that were asked for.
 *
 * What the state of synchronisation goes by may be of any length, and is a key of `encodeKey` with its text in
 * `whole_texts`; users, groups and members have ids and names that are refused, one by one, where they do not fit.
 */
function definitions(names: TableNames, dialect: SqlDialect): string[] {
  const { types } = dialect;
  const key = types.key(keyLength);
  const id = types.key(255);
  const kind = types.key(4);
  const type = types.key(8);
  const instant = types.key(24);
  return [
    table(names.version, ["version integer not null primary key"]),
    table(names.link, [
      `source ${key} not null`,
      `source_id ${key} not null`,
      `type ${type} not null`,
      `state ${type} not null`,
      `resource_id ${key}`,
      `name ${types.text}`,
      `adopted ${types.flag} not null`,
      `stamp ${types.text}`,
      `gone_stamp ${types.text}`,
      `digest ${types.text}`,
      `seen ${types.integer} not null`,
      `disabled_by_us ${types.flag} not null`,
      `intent_name ${types.text}`,
      `intent_key ${key}`,
      `unsettled ${types.flag} not null`,
      `failure ${types.text}`,
      `whole_texts ${types.text}`,
      "primary key (source, source_id)",
    ]),
    ...index(dialect, names.link, "resource", "resource_id, type", "resource_id is not null"),
    ...index(dialect, names.link, "intent", "intent_key, type", "intent_key is not null"),
    ...partialIndex(dialect, names.link, "unsettled", "source, source_id", "unsettled = 1"),
    ...partialIndex(dialect, names.link, "failed", "source, source_id", "failure is not null"),
    table(names.linkName, [
      `source ${key} not null`,
      `kind ${kind} not null`,
      `name_key ${key} not null`,
      `source_id ${key} not null`,
      `whole_texts ${types.text}`,
      "primary key (name_key, kind, source, source_id)",
    ]),
    ...index(dialect, names.linkName, "holder", "source_id, source"),
    table(names.reference, [
      `source ${key} not null`,
      `group_id ${key} not null`,
      `kind ${kind} not null`,
      `name_key ${key} not null`,
      `target ${key}`,
      `whole_texts ${types.text}`,
      "primary key (group_id, source, kind, name_key)",
    ]),
    ...index(dialect, names.reference, "name", "name_key, kind, source"),
    ...index(dialect, names.reference, "target", "target, source", "target is not null"),
    table(names.grant, [
      `group_id ${key} not null`,
      `member_id ${key} not null`,
      `source ${key} not null`,
      `ours ${types.flag} not null`,
      `held ${types.flag} not null`,
      `whole_texts ${types.text}`,
      "primary key (group_id, member_id, source)",
    ]),
    ...index(dialect, names.grant, "member", "member_id, source"),
    table(names.checkpoint, [
      `stream ${key} not null primary key`,
      `checkpoint ${types.text}`,
      `generation ${types.integer} not null`,
      `revision ${types.integer} not null`,
    ]),
    table(names.nonce, [
      `scope ${key} not null`,
      `nonce ${key} not null`,
      `expires_at ${instant} not null`,
      "primary key (scope, nonce)",
    ]),
    ...index(dialect, names.nonce, "expiry", "expires_at"),
    table(names.server, [
      `identifier ${key} not null primary key`,
      `definition ${types.text} not null`,
    ]),
    table(names.consumer, [
      `consumer_key ${key} not null primary key`,
      `definition ${types.text} not null`,
    ]),
    table(names.signOnToken, [
      `id ${key} not null`,
      `kind ${type} not null`,
      `subject ${key}`,
      `expires_at ${instant} not null`,
      `token ${types.text} not null`,
      "primary key (id, kind)",
    ]),
    ...index(dialect, names.signOnToken, "subject", "subject", "subject is not null"),
    ...index(dialect, names.signOnToken, "expiry", "expires_at"),
    table(names.identity, [
      `type ${type} not null`,
      `id ${key} not null`,
      `local_id ${key}`,
      `former_local_id ${key}`,
      `external_id ${key}`,
      `origin ${type} not null`,
      `created ${instant} not null`,
      `last_modified ${instant} not null`,
      `deleted ${instant}`,
      `version ${types.integer} not null`,
      `revision ${types.integer} not null`,
      `whole_texts ${types.text}`,
      "primary key (id, type)",
      "unique (local_id, type)",
    ]),
    ...index(
      dialect,
      names.identity,
      "external_id",
      "external_id, type",
      "external_id is not null",
    ),
    ...partialIndex(
      dialect,
      names.identity,
      "retained",
      "type",
      "deleted is not null and local_id is not null",
    ),
    table(names.groupMapping, [
      `external_id ${key} not null`,
      `local_id ${key} not null`,
      `whole_texts ${types.text}`,
      "primary key (external_id, local_id)",
    ]),
    ...index(dialect, names.groupMapping, "local", "local_id"),
    table(names.user, [
      `id ${id} not null primary key`,
      `user_name ${types.text} not null`,
      `user_name_key ${id} not null unique`,
      `external_id ${id}`,
      `display_name ${types.text}`,
      `given_name ${types.text}`,
      `family_name ${types.text}`,
      `active ${types.flag}`,
      `attributes ${types.json} not null`,
      `attributes_key ${types.json} not null`,
      `version ${types.integer} not null`,
      `created ${instant} not null`,
      `last_modified ${instant} not null`,
    ]),
    ...index(dialect, names.user, "external_id", "external_id", "external_id is not null"),
    table(names.group, [
      `id ${id} not null primary key`,
      `display_name ${types.text} not null`,
      `display_name_key ${id} not null`,
      `external_id ${id}`,
      `attributes ${types.json} not null`,
      `attributes_key ${types.json} not null`,
      `version ${types.integer} not null`,
      `created ${instant} not null`,
      `last_modified ${instant} not null`,
    ]),
    ...index(dialect, names.group, "display_name", "display_name_key"),
    ...index(dialect, names.group, "external_id", "external_id", "external_id is not null"),
    table(names.groupMember, [
      `group_id ${id} not null`,
      `member_id ${id} not null`,
      `member_type ${type} not null`,
      "primary key (group_id, member_id, member_type)",
      `foreign key (group_id) references ${names.group} (id) on delete cascade`,
    ]),
    ...index(dialect, names.groupMember, "member", "member_id"),
  ];
}

function table(name: string, columns: readonly string[]): string {
  return `create table if not exists ${name} (${columns.join(", ")})`;
}

/** An index over some of the rows where the database has such, else over all. */
function index(
  dialect: SqlDialect,
  tableName: string,
  name: string,
  columns: string,
  rows?: string,
): string[] {
  const indexName = dialect.quote(`${tableName.slice(1, -1)}_${name}`);
  const where = rows !== undefined && dialect.partialIndexes ? ` where ${rows}` : "";
  return [`create index if not exists ${indexName} on ${tableName} (${columns})${where}`];
}

/** An index that is of use only where it is over some of the rows. */
function partialIndex(
  dialect: SqlDialect,
  tableName: string,
  name: string,
  columns: string,
  rows: string,
): string[] {
  return dialect.partialIndexes ? index(dialect, tableName, name, columns, rows) : [];
}
