/** What the columns of a table hold, for {@link filterToSql}. */
export interface SqlColumns {
  /** The name by which the statement knows the table with the resources. */
  readonly table: string;
  /**
   * Where attributes are, by path as the schemas spell it: `userName`, `name.familyName`, `emails`,
   * `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`. A name alone is that of a column.
   */
  readonly attributes: {
    readonly [path: string]: string | SqlColumn | SqlValueTable | SqlValueColumns | SqlJson;
  };
  /**
   * Where all other attributes are: a column with an object of JSON, in which they stand as in a resource. Of the
   * common attributes, that is `externalId` alone: what the service provider makes (`id`, `meta`, `schemas`) is in the
   * columns that `attributes` names.
   */
  readonly others?: SqlJson & {
    /** Names of attributes that are not in there, since they are stored in another way. */
    readonly except?: readonly string[];
  };
}

/** A column with one value. */
export interface SqlColumn {
  /** The name of the column. */
  readonly column: string;
  /**
   * For text that is not case exact: a column with the form in which it is compared, which `caseless` makes. It wants
   * the index.
   */
  readonly key?: string | undefined;
  /**
   * Whether the database's own `lower` may stand in for a column of keys. It is not exact: SQLite knows the case of
   * ASCII only, and no database takes "ﬁ" for "fi"; what is written so is found as it is written. With a key too, the
   * database makes that key by its own `lower`. Without this and without a key, the text cannot be compared. Default:
   * false.
   */
  readonly lower?: boolean | undefined;
  /** For case exact text in a column that is not of text, such as ids. Default: `text`. */
  readonly type?: "text" | "uuid" | "integer" | undefined;
  /** Whether a boolean is stored as its opposite, as `disabled` is to `active`. Default: false. */
  readonly invert?: boolean | undefined;
  /** What the column holds where the attribute has no value, beside `null`. */
  readonly unassigned?: string | number | undefined;
  /**
   * How a dateTime is stored. `text`: as `Date.prototype.toISOString` writes it, of the years 0 to 9999. `timestamp`:
   * PostgreSQL's `timestamptz`, or MariaDB's `datetime` in UTC. `milliseconds`: a number, since 1970-01-01T00:00:00Z.
   * Default: `text`.
   */
  readonly instant?: "text" | "timestamp" | "milliseconds" | undefined;
}

/** Columns of which each has one value of a multi-valued attribute, where there are no other values than these. */
export interface SqlValueColumns {
  /** One for each value that there can be. */
  readonly singles: readonly {
    /** The column of `value`. */
    readonly value: string | SqlColumn;
    /** What is so of the value, by sub-attribute: `{ type: "work", primary: true }`. */
    readonly says?: { readonly [subAttribute: string]: string | boolean };
  }[];
}

/** A table with a row for each value of a multi-valued attribute. */
export interface SqlValueTable {
  /** The schema of the database that the table is in, where the connection does not find it by itself. */
  readonly schema?: string | undefined;
  /** The name of the table. */
  readonly table: string;
  /** The column that says whose the value is. */
  readonly owner: string;
  /** The column of the resources' table that is meant by it. */
  readonly id: string;
  /** The columns of the sub-attributes by name; of values that are not complex, the one of `value`. */
  readonly values: { readonly [subAttribute: string]: string | SqlColumn };
}

/** A column with a document of JSON: what the attribute is in a resource. */
export interface SqlJson {
  /** The name of the column. */
  readonly json: string;
  /**
   * Whether all text in the document is in the form in which it is compared, which `comparedForm` makes. Without this,
   * text that is not case exact cannot be compared. Default: false.
   */
  readonly compared?: boolean | undefined;
}
