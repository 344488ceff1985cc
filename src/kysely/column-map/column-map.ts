import type { AttributePath, groupDefinition, userDefinition } from "../../scim/index.js";

/** A table, in a schema of the database where it is not in the one that the connection finds by itself. */
export interface TableReference {
  readonly schema?: string;
  readonly table: string;
}

/** What the values of an id column are, for those of the database to be read as strings and back. */
export type IdType = "text" | "uuid" | "integer";

/** The column with the ids of resources. */
export interface IdColumn {
  readonly column: string;
  /** Default: `text`. */
  readonly type?: IdType;
  /** Makes the id of a new resource. Without it, the database does, by the default of the column. */
  readonly generate?: () => string;
  /**
   * Whether the id of a row that was deleted may be given to a new one. An id of SCIM never is (RFC 7643 §3.1), and
   * whoever keeps one, be it synchronization, sign-on or an identity provider, would go on with another person. SQLite
   * gives the highest `integer primary key` once more unless the column has `autoincrement`. Where ids are used again,
   * `mark` or `created` is to be mapped, and links are believed only with it. Default: true for integers in SQLite that
   * the database makes, false for all others.
   */
  readonly reused?: boolean;
}

/** The column that holds an attribute. */
export interface MappedColumn {
  readonly column: string;
  /**
   * A column for the form of the value in which case does not matter (Unicode's NFKC, in lower case). It is what
   * filters and uniqueness go by, and wants an index. The repository writes it wherever it writes the value; whoever
   * else writes the value has to write the key too, or to call `fillKeys`. With an empty key where there is a value,
   * the repository refuses to be used. Without one for `userName`, every user who is created or renamed is first looked
   * for with the database's `lower`, which reads the whole table unless an index is over that.
   */
  readonly key?: string;
  /**
   * Whether the database itself computes the key from the value, as a generated column, so that it is never empty or
   * stale: on PostgreSQL `generated always as (replace(lower(normalize(login, nfkc)), 'ς', 'σ')) stored`. Default:
   * false.
   */
  readonly generatedKey?: boolean;
  /**
   * Whether filters may go by the database's `lower`, instead of a key column. It cannot be stale, and wants a unique
   * index over `lower` of the column, without which no two writers at once are told apart. SQLite knows it for ASCII
   * only, so other names are found only as they are written. Without this and without a key
   * column, an attribute of which case does not matter has no filter. Default: false.
   */
  readonly lower?: boolean;
  /**
   * Whether no two resources have the same value, which a unique index must see to: over the key column, where there is
   * one. Default: as the SCIM schema says.
   */
  readonly unique?: boolean;
  /** Whether the column is true where the attribute is false, as `disabled` is to `active`. Default: false. */
  readonly invert?: boolean;
  /** What the column holds where the attribute has no value. Default: `null`. */
  readonly unassigned?: string | number | boolean;
  /**
   * Of an attribute with several values, such as `emails`: the `type` of the one that the column has. A value of
   * another type is not put there; one that states no type is, where there is none of this type. `null`: the value may
   * be of any type, and the column does not say of which. Default: `work` where the schema knows that type (`emails`,
   * `phoneNumbers`), else `null`.
   */
  readonly type?: string | null;
  /** Of an attribute with several values: whether the one that the column has is the primary one. Default: true. */
  readonly primary?: boolean;
}

/**
 * The column of an attribute, by its name alone where nothing else is to be said; of one with several values also
 * several columns, of values of different types:
 * `[{ column: "phone" }, { column: "mobile", type: "mobile", primary: false }]`.
 */
export type AttributeColumn = string | MappedColumn | readonly MappedColumn[];

/** A column that holds ids of resources. */
export interface DependentColumn extends TableReference {
  readonly column: string;
  /** A column that says `User` or `Group`, where the ids may be of either; rows of the other are no dependents. */
  readonly type?: string;
  /**
   * What the row belongs to, as a member does to a group: the column with its id, and where it is. It has a new version
   * once the row is removed, so that whoever asks for what has changed since is told of it. The package's own table of
   * members needs none.
   */
  readonly owner?: {
    readonly column: string;
    readonly of: Pick<ResourceMap, "schema" | "table" | "id" | "version" | "lastModified">;
  };
}

/** Where the attributes of a resource type are stored; the paths are SCIM's, such as `name.givenName`. */
export interface ResourceMap<Path extends string = string> extends TableReference {
  readonly id: IdColumn;
  /**
   * The columns of attributes and sub-attributes. A column has room for one value of an attribute with several, such as
   * `emails`: for the `value` of the one that `type` and `primary` say. An attribute of an extension is named with its
   * schema: `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
   */
  readonly attributes: { readonly [P in Path | `urn:${string}`]?: AttributeColumn };
  /**
   * What becomes of what has no column, be it an attribute, a part of one, or one of several values: `refuse` refuses
   * the write with an `InvalidValueError`; `ignore` passes it over and reports it (`onIgnored` of the options of a
   * write, `ignored` of its result); a column of JSON keeps it.
   *
   * `key` is another column of JSON, with the attributes in the form in which they are compared, kept by the
   * repository. It is what filters go by, also for attributes that have a column, but no key. Without it, text that is
   * not case exact has no filter there.
   */
  readonly others: "refuse" | "ignore" | { readonly column: string; readonly key?: string };
  /**
   * What new rows have in columns for which the resource says nothing, such as a `not null` column that no attribute is
   * mapped to: a value as the driver takes it, or a function that makes it of the attributes. Rows that are there are
   * left as they are.
   */
  readonly defaults?: { readonly [column: string]: unknown };
  /** A column of integers that count the changes of the resource. Without it, resources have no versions. */
  readonly version?: string;
  /** A column for the time of creation, as text in the form of ISO 8601. */
  readonly created?: string;
  /**
   * A column whose value tells a row apart from one that is given the same id later, and never changes; only of use
   * where ids are used again. Default: `created`.
   */
  readonly mark?: string;
  /** A column for the time of the last change, as text in the form of ISO 8601. */
  readonly lastModified?: string;
  /** What deleting a resource does: remove its row, set `active` to false, or nothing but throw. Default: `hard`. */
  readonly delete?: "hard" | "deactivate" | "none";
  /** Columns of other tables that hold ids of these resources; their rows are removed with the resource. */
  readonly dependents?: readonly DependentColumn[];
}

/** Where users are stored. */
export type UserMap = ResourceMap<AttributePath<typeof userDefinition> | "externalId">;

/** Where groups are stored. */
export type GroupMap = ResourceMap<AttributePath<typeof groupDefinition> | "externalId">;

/**
 * Where it is stored who is in which group. One row for each membership, and a unique key over the group, the member
 * and, where there is one, the type.
 */
export interface MemberMap extends TableReference {
  /** The column with the group's id. */
  readonly group: string;
  /** The column with the member's id. */
  readonly member: string;
  /** What the members' ids are. Default: `text`. */
  readonly memberType?: IdType;
  /** A column that says `User` or `Group`. Without one, members are users. */
  readonly type?: string;
}

/** Where it is stored which groups a resource is in. */
export function memberships(
  { schema, table, group, member, type }: MemberMap,
  { schema: ofSchema, table: ofTable, id, version, lastModified }: MembershipOwner["of"],
): DependentColumn & { readonly owner: MembershipOwner } {
  return {
    ...(schema !== undefined && { schema }),
    table,
    column: member,
    ...(type !== undefined && { type }),
    owner: {
      column: group,
      of: {
        ...(ofSchema !== undefined && { schema: ofSchema }),
        table: ofTable,
        id,
        ...(version !== undefined && { version }),
        ...(lastModified !== undefined && { lastModified }),
      },
    },
  };
}

type MembershipOwner = NonNullable<DependentColumn["owner"]>;
