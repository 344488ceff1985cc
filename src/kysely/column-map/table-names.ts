import { InvalidValueError } from "../../core/index.js";
import type { SqlDialect } from "../sql/dialect.js";
import type { TableReference } from "./column-map.js";

/** Options of everything that uses the tables which {@link createTables} makes. */
export interface TableOptions {
  /**
   * What the names of the tables begin with: letters, digits and underscores. Default: `concordat_`. Each tenant can
   * have tables of its own so.
   */
  readonly prefix?: string | undefined;
}

/** The names of the package's own tables. */
export interface TableNames {
  readonly version: string;
  readonly setVersion: string;
  readonly link: string;
  readonly linkName: string;
  readonly membership: string;
  readonly reference: string;
  readonly grant: string;
  readonly checkpoint: string;
  readonly nonce: string;
  readonly server: string;
  readonly consumer: string;
  readonly signOnToken: string;
  readonly identity: string;
  readonly groupMapping: string;
  readonly user: string;
  readonly group: string;
  readonly groupMember: string;
}

/**
 * The names of the package's own tables.
 *
 * @throws {InvalidValueError} the prefix is not one that every database takes.
 */
export function tableNames({ prefix = "concordat_" }: TableOptions = {}): TableNames {
  // PostgreSQL cuts names at 63 bytes; the longest name after the prefix is that of an index.
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,31}$/.test(prefix)) {
    throw new InvalidValueError("prefix", "it is up to 32 letters, digits and underscores.");
  }
  return {
    version: `${prefix}version`,
    setVersion: `${prefix}set_version`,
    link: `${prefix}sync_entry`,
    linkName: `${prefix}sync_entry_name`,
    membership: `${prefix}sync_membership`,
    reference: `${prefix}sync_odd_reference`,
    grant: `${prefix}sync_loose_grant`,
    checkpoint: `${prefix}sync_stream`,
    nonce: `${prefix}nonce`,
    server: `${prefix}server`,
    consumer: `${prefix}consumer`,
    signOnToken: `${prefix}sign_on_token`,
    identity: `${prefix}identity`,
    groupMapping: `${prefix}group_mapping`,
    user: `${prefix}user`,
    group: `${prefix}group`,
    groupMember: `${prefix}group_member`,
  };
}

/** The names of the package's own tables as identifiers. */
export function quotedTableNames(dialect: SqlDialect, options: TableOptions = usual): TableNames {
  const known = quotedNames.get(options)?.get(dialect);
  if (known !== undefined) return known;
  const names = tableNames(options);
  const quoted = Object.entries(names).map(([table, name]) => [table, dialect.quote(name)]);
  const made = Object.fromEntries(quoted) as TableNames;
  quotedNames.set(options, new Map([...(quotedNames.get(options) ?? []), [dialect, made]]));
  return made;
}

const usual: TableOptions = {};

/** What was made of options, for as long as there are these: repositories are made for every transaction. */
const quotedNames = new WeakMap<TableOptions, ReadonlyMap<SqlDialect, TableNames>>();

/** A table's name as an identifier. */
export function quotedTable(dialect: SqlDialect, { schema, table }: TableReference): string {
  const name = dialect.quote(table);
  return schema === undefined ? name : `${dialect.quote(schema)}.${name}`;
}
