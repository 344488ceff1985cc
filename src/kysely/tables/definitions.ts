import type { TableNames } from "../column-map/table-names.js";
import type { SqlDialect } from "../sql/dialect.js";
import { keyLength } from "../sql/stored-key.js";
import { begun, held, ours } from "../sync-state/membership-state.js";

/** Tables that are made, and change their form, together. */
export type TableSet =
  | "sync"
  | "nonces"
  | "federation"
  | "sso"
  | "identity"
  | "groupMapping"
  | "resources";

/** The version of each set of tables that this release makes and reads. */
export const tableVersions: Readonly<Record<TableSet, number>> = {
  sync: 3,
  nonces: 1,
  federation: 1,
  sso: 1,
  identity: 2,
  groupMapping: 1,
  resources: 2,
};

/** The tables of each set, of which later ones may refer to earlier ones. */
export const tablesOf: Readonly<Record<TableSet, readonly (keyof TableNames)[]>> = {
  sync: ["link", "linkName", "membership", "reference", "grant", "checkpoint"],
  nonces: ["nonce"],
  federation: ["server"],
  sso: ["consumer", "signOnToken"],
  identity: ["identity"],
  groupMapping: ["groupMapping"],
  resources: ["user", "group", "groupMember"],
};

/**
 * The statements that make the tables of each set and their indexes, where they are not there.
 *
 * Every index but that of the links begins with the column that distinguishes rows, never with the source. SQLite,
 * which keeps no statistics of itself, takes a condition on the source alone for a narrow one, and would read all that
 * the source has rather than look up the five hundred ids that were asked for.
 *
 * What the state of synchronisation goes by may be of any length, and is a key of `encodeKey` with its text in
 * `whole_texts`; users, groups and members have ids and names that are refused, one by one, where they do not fit.
 */
export function definitions(
  names: TableNames,
  dialect: SqlDialect,
): Readonly<Record<TableSet, readonly string[]>> {
  const { types } = dialect;
  const key = types.key(keyLength);
  const id = types.key(255);
  const kind = types.key(4);
  const type = types.key(8);
  const instant = types.key(24);
  const sync = [
    table(names.link, [
      `id ${types.rowId}`,
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
      `resource_mark ${types.text}`,
      `valued ${types.text}`,
      `whole_texts ${types.text}`,
      `dn ${key}`,
      `uid ${key}`,
      "unique (source, source_id)",
    ]),
    ...index(dialect, names.link, "resource", "resource_id, type", "resource_id is not null"),
    ...index(dialect, names.link, "intent", "intent_key, type", "intent_key is not null"),
    ...index(dialect, names.link, "dn", "dn, source", "dn is not null"),
    ...index(dialect, names.link, "uid", "uid, source", "uid is not null"),
    ...partialIndex(dialect, names.link, "unsettled", "source, source_id", "unsettled = 1"),
    ...partialIndex(dialect, names.link, "failed", "source, source_id", "failure is not null"),
    keyed(dialect, names.linkName, [
      `entry ${types.large} not null`,
      `kind ${kind} not null`,
      `name_key ${key} not null`,
      `alias ${types.flag} not null`,
      `whole_texts ${types.text}`,
      "primary key (name_key, kind, entry)",
    ]),
    ...index(dialect, names.linkName, "entry", "entry"),
    keyed(dialect, names.membership, [
      `grp ${types.large} not null`,
      `member ${types.large} not null`,
      `state ${types.integer} not null`,
      "primary key (grp, member)",
    ]),
    ...index(dialect, names.membership, "member", "member, grp"),
    ...partialIndex(
      dialect,
      names.membership,
      "unconfirmed",
      "grp, member",
      `state & ${ours | begun} <> 0 and state & ${held} = 0`,
    ),
    keyed(dialect, names.reference, [
      `grp ${types.large} not null`,
      `kind ${kind} not null`,
      `name_key ${key} not null`,
      `target ${types.large}`,
      `whole_texts ${types.text}`,
      "primary key (grp, kind, name_key)",
    ]),
    ...index(dialect, names.reference, "name", "name_key, kind"),
    ...index(dialect, names.reference, "target", "target", "target is not null"),
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
      `epoch ${types.integer} not null`,
      `revision ${types.integer} not null`,
      `mapping ${types.text}`,
      `taken ${types.text}`,
      `unconfirmed ${types.text}`,
    ]),
  ];
  const nonces = [
    table(names.nonce, [
      `scope ${key} not null`,
      `nonce ${key} not null`,
      `expires_at ${instant} not null`,
      "primary key (scope, nonce)",
    ]),
    ...index(dialect, names.nonce, "expiry", "expires_at"),
  ];
  const federation = [
    table(names.server, [
      `identifier ${key} not null primary key`,
      `definition ${types.text} not null`,
    ]),
  ];
  const sso = [
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
  ];
  const identity = [
    table(names.identity, [
      `type ${type} not null`,
      `id ${key} not null`,
      `local_id ${key}`,
      `former_local_id ${key}`,
      `mark ${types.text}`,
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
  ];
  const groupMapping = [
    table(names.groupMapping, [
      `external_id ${key} not null`,
      `local_id ${key} not null`,
      `whole_texts ${types.text}`,
      "primary key (external_id, local_id)",
    ]),
    ...index(dialect, names.groupMapping, "local", "local_id"),
  ];
  const resources = [
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
  return { sync, nonces, federation, sso, identity, groupMapping, resources };
}

/** A table of short rows, which are kept in the index of its key where that can be. */
function keyed(dialect: SqlDialect, name: string, columns: readonly string[]): string {
  return `${table(name, columns)}${dialect.keyedTable}`;
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

/** The statement that makes an attribute of the package's own users or groups unique, where it is not. */
export function uniqueIndex(
  dialect: SqlDialect,
  table: string,
  path: "displayName" | "externalId",
): string {
  const [name, column] =
    path === "displayName"
      ? ["unique_display_name", "display_name_key"]
      : ["unique_external_id", "external_id"];
  return `create unique index if not exists ${dialect.quote(`${table.slice(1, -1)}_${name}`)} on ${table} (${column})`;
}
