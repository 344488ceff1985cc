import type { groupDefinition, userDefinition } from "../../scim/index.js";
import type { GroupSubColumns, UserSubColumns } from "./sub-columns.js";

/** A table, in a schema of the database where it is not in the one that the connection finds by itself. */
export interface TableReference {
  /** The schema of the database that it is in. Default: where the connection looks by itself. */
  readonly schema?: string | undefined;
  /** The name of the table. */
  readonly table: string;
}

/** What the values of an id column are, for those of the database to be read as strings and back. */
export type IdType = "text" | "uuid" | "integer";

/** The column with the ids of resources. */
export interface IdColumn {
  /** The name of the column. */
  readonly column: string;
  /** Default: `text`. */
  readonly type?: IdType | undefined;
  /** Makes the id of a new resource. Without it, the database does, by the default of the column. */
  readonly generate?: (() => string) | undefined;
  /**
   * Whether the id of a row that was deleted may be given to a new one. An id of SCIM never is (RFC 7643 §3.1), and
   * everything that stores one, be it synchronization, sign-on or an identity provider, would go on with another
   * person. SQLite assigns the highest `integer primary key` once more unless the column has `autoincrement`. Where ids
   * are used again, `mark` or `created` is to be mapped, and links are believed only with it. Default: true for
   * integers in SQLite that the database makes, false for all others.
   */
  readonly reused?: boolean | undefined;
}

/** The column that holds an attribute. */
export interface MappedColumn {
  /** The name of the column. */
  readonly column: string;
  /**
   * A column for the form of the value in which case does not matter (Unicode's NFKC, in lower case). It is what
   * filters and uniqueness go by, and wants an index. The repository writes it wherever it writes the value; any
   * other program that writes the value has to write the key too, or to call `fillKeys`. With an empty key where there
   * is a value, the repository refuses to be used. Without one for `userName`, every user who is created or renamed is
   * first looked for with the database's `lower`, which reads the whole table unless an index is over that.
   */
  readonly key?: string | undefined;
  /**
   * Whether the database itself computes the key from the value, as a generated column, so that it is never empty or
   * stale: on PostgreSQL `generated always as (replace(lower(normalize(login, nfkc)), 'ς', 'σ')) stored`. Default:
   * false.
   */
  readonly generatedKey?: boolean | undefined;
  /**
   * Whether filters may go by the database's `lower`, instead of a key column. It cannot be stale, and wants a unique
   * index over `lower` of the column, without which two writers at once are not kept apart. SQLite knows it for ASCII
   * only, so other names are found only as they are written. Without this and without a key
   * column, an attribute of which case does not matter has no filter. Default: false.
   */
  readonly lower?: boolean | undefined;
  /**
   * Whether no two resources have the same value, which a unique index must see to: over the key column, where there is
   * one. Default: as the SCIM schema says.
   */
  readonly unique?: boolean | undefined;
  /** Whether the column is true where the attribute is false, as `disabled` is to `active`. Default: false. */
  readonly invert?: boolean | undefined;
  /** What the column holds where the attribute has no value. Default: `null`. */
  readonly unassigned?: string | number | boolean | undefined;
  /**
   * Of an attribute with several values, such as `emails`: the `type` of the one that the column has. A value of
   * another type is not put there; one that states no type is, where there is none of this type. `null`: the value may
   * be of any type, and the column does not say of which. Default: `work` where the schema knows that type (`emails`,
   * `phoneNumbers`), else `null`.
   */
  readonly type?: string | null | undefined;
  /** Of an attribute with several values: whether the one that the column has is the primary one. Default: true. */
  readonly primary?: boolean | undefined;
}

/**
 * The column of an attribute, by its name alone where nothing else is to be said; of one with several values also
 * several columns, of values of different types:
 * `[{ column: "phone" }, { column: "mobile", type: "mobile", primary: false }]`.
 */
export type AttributeColumn = string | MappedColumn | readonly MappedColumn[];

/** A column that holds ids of resources. */
export interface DependentColumn extends TableReference {
  /** The name of the column. */
  readonly column: string;
  /** What the ids in the column are. Default: what those of the resources are in their own column. */
  readonly idType?: IdType | undefined;
  /** A column that says `User` or `Group`, where the ids may be of either; rows of the other are no dependents. */
  readonly type?: string | undefined;
  /**
   * What the row belongs to, as a member does to a group: the column with its id, and where it is. It has a new version
   * once the row is removed, so that a client that asks for what has changed since sees it. The package's own table of
   * members needs none.
   */
  readonly owner?:
    | {
        /** The column with the id of what the row belongs to. */
        readonly column: string;
        /** Where that is stored. */
        readonly of: Pick<ResourceMap, "schema" | "table" | "id" | "version" | "lastModified">;
      }
    | undefined;
}

/** Where the attributes of a resource type are stored; the paths are SCIM's, such as `name.givenName`. */
export interface ResourceMap<Path extends string = string> extends TableReference {
  /** The column with the ids of the resources. */
  readonly id: IdColumn;
  /**
   * The columns of attributes and sub-attributes. A column has room for one value of an attribute with several, such as
   * `emails`: for the `value` of the one that `type` and `primary` say. An attribute of an extension is named with its
   * schema: `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
   */
  readonly attributes: { readonly [P in Path | `urn:${string}`]?: AttributeColumn | undefined };
  /**
   * What becomes of what has no column, be it an attribute, a part of one, or one of several values: `refuse` refuses
   * the write with an `InvalidValueError`; `ignore` passes it over and reports it (`onIgnored` of the options of a
   * write, `ignored` of its result); a column of JSON keeps it.
   *
   * `key` is another column of JSON, with the attributes in the form in which they are compared, kept by the
   * repository. It is what filters go by, also for attributes that have a column, but no key. Without it, text that is
   * not case exact has no filter there.
   */
  readonly others:
    | "refuse"
    | "ignore"
    | {
        /** The column of JSON. */
        readonly column: string;
        /** The column of JSON with what is compared. Default: none, so that there is no such filter. */
        readonly key?: string | undefined;
      };
  /**
   * What new rows have in columns for which the resource says nothing, such as a `not null` column that no attribute is
   * mapped to: a value as the driver takes it, or a function that makes it of the attributes. Rows that are there are
   * left as they are.
   */
  readonly defaults?: { readonly [column: string]: unknown } | undefined;
  /** A column of integers that count the changes of the resource. Without it, resources have no versions. */
  readonly version?: string | undefined;
  /** A column for the time of creation, as text in the form of ISO 8601. */
  readonly created?: string | undefined;
  /**
   * A column whose value distinguishes a row from one that gets the same id later, and never changes; only of use
   * where ids are used again. Default: `created`.
   */
  readonly mark?: string | undefined;
  /** A column for the time of the last change, as text in the form of ISO 8601. */
  readonly lastModified?: string | undefined;
  /** What deleting a resource does: remove its row, set `active` to false, or nothing but throw. Default: `hard`. */
  readonly delete?: "hard" | "deactivate" | "none" | undefined;
  /** Columns of other tables that hold ids of these resources; their rows are removed with the resource. */
  readonly dependents?: readonly DependentColumn[] | undefined;
}

/** The columns of attributes by their paths. Mapped over the definition, each has the text that it has there. */
type ColumnsOf<A> = { readonly [K in keyof A]?: AttributeColumn | undefined };

type UserAttributes = (typeof userDefinition)["attributes"];
type GroupAttributes = (typeof groupDefinition)["attributes"];

/** What is stored of any resource beside the attributes of its schemas. */
type OtherColumns = {
  /** The id that the client gave to the resource, such as an identity provider. RFC 7643 §3.1. */
  readonly externalId?: AttributeColumn | undefined;
  /**
   * An attribute of an extension, named with its schema:
   * `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
   */
  readonly [path: `urn:${string}`]: AttributeColumn | undefined;
};

/** The columns of a user's attributes, by their paths. */
export type UserColumns = OtherColumns &
  ColumnsOf<UserAttributes> &
  UserSubColumns<AttributeColumn>;

/** The columns of a group's attributes, by their paths. */
export type GroupColumns = OtherColumns &
  ColumnsOf<GroupAttributes> &
  GroupSubColumns<AttributeColumn>;

/** Where users are stored. */
export interface UserMap extends ResourceMap<keyof UserColumns & string> {
  /**
   * The column of each attribute, by its path, such as `name.givenName`. See {@link ResourceMap}.
   */
  readonly attributes: UserColumns;
}

/** Where groups are stored. */
export interface GroupMap extends ResourceMap<keyof GroupColumns & string> {
  /** The column of each attribute, by its path, such as `displayName`. See {@link ResourceMap}. */
  readonly attributes: GroupColumns;
}

/**
 * Where the members of groups are stored. One row for each membership, and a unique key over the group, the member
 * and, where there is one, the type.
 */
export interface MemberMap extends TableReference {
  /** The column with the group's id. */
  readonly group: string;
  /** The column with the member's id. */
  readonly member: string;
  /** What the members' ids are. Default: `text`. */
  readonly memberType?: IdType | undefined;
  /** A column that says `User` or `Group`. Without one, members are users. */
  readonly type?: string | undefined;
}

/** Where it is stored which groups a resource is in. */
export function memberships(
  { schema, table, group, member, memberType = "text", type }: MemberMap,
  { schema: ofSchema, table: ofTable, id, version, lastModified }: MembershipOwner["of"],
): DependentColumn & { readonly owner: MembershipOwner } {
  return {
    ...(schema !== undefined && { schema }),
    table,
    column: member,
    idType: memberType,
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
