import { InvalidValueError } from "../../core/index.js";
import type { Attribute, Attributes, ResourceType } from "../../scim/index.js";
import type { AttributeColumn, MappedColumn, ResourceMap } from "./column-map.js";

/** Which of several values a column has. */
export interface ColumnValue {
  /** Whether the values have sub-attributes, of which the column has `value`. */
  readonly isComplex: boolean;
  /** The `type` of the value; absent where it may be of any, which the column does not say. */
  readonly type?: string;
  /** Whether it is the primary one. */
  readonly primary: boolean;
}

/** An attribute or sub-attribute and its column. */
export interface ColumnOfAttribute {
  /** The SCIM path, such as `name.givenName`. */
  readonly path: string;
  /** The names of the members that lead to the value: of the resource, and of the complex attribute within it. */
  readonly members: readonly [string, ...string[]];
  readonly column: string;
  /** The column with the value as it is compared without regard to case. */
  readonly key?: string;
  /** Whether the database makes that, and not the repository. */
  readonly generatedKey: boolean;
  /** Whether filters may go by `lower`. */
  readonly lower: boolean;
  /** Of an attribute with several values, the one that the column has. */
  readonly value?: ColumnValue;
  readonly type: "string" | "boolean" | "number";
  readonly caseExact: boolean;
  readonly unique: boolean;
  /** Whether no two resources may have values that differ in case only, and no index sees to it. */
  readonly checkedInAnyCase: boolean;
  readonly invert: boolean;
  readonly unassigned: string | number | boolean | null;
}

/** Whether values of the attribute that differ in case only are the same. */
export function isCaseless({ type, caseExact }: ColumnOfAttribute): boolean {
  return type === "string" && !caseExact;
}

/** Whether filters can go by the column. */
export function isFiltered(column: ColumnOfAttribute): boolean {
  if (column.value !== undefined) return false;
  return !isCaseless(column) || column.key !== undefined || column.lower;
}

/** Attributes that are no part of what is stored: the service provider's own, and secrets. */
const ignored: ReadonlySet<string> = new Set([
  "schemas",
  "id",
  "meta",
  "groups",
  "members",
  "password",
]);

/** Whether an attribute of a resource is ignored when the resource is stored. */
export function isIgnored(name: string): boolean {
  return ignored.has(name);
}

/**
 * Reads the columns of a map.
 *
 * @throws {InvalidValueError} a path that is no attribute's, or one that a column cannot hold.
 */
export function attributeColumns(type: ResourceType, map: ResourceMap): ColumnOfAttribute[] {
  const mapped = Object.entries<AttributeColumn | undefined>(map.attributes);
  return mapped.flatMap(([path, columns]) => {
    if (columns === undefined) return [];
    const members = membersOf(path);
    const attribute = attributeAt(type, path, members);
    const all: readonly (string | MappedColumn)[] =
      typeof columns === "string" || "column" in columns ? [columns] : columns;
    if (all.length > 1 && !attribute.multiValued) {
      throw new InvalidValueError(path, "it has one value, and so one column.");
    }
    return all.map((column) =>
      columnOf(path, members, attribute, typeof column === "string" ? { column } : column),
    );
  });
}

function columnOf(
  path: string,
  members: ColumnOfAttribute["members"],
  attribute: StoredAttribute,
  mapped: MappedColumn,
): ColumnOfAttribute {
  const { column, key, generatedKey, lower, unique, invert, unassigned } = mapped;
  const isUnique = attribute.uniqueness !== "none";
  return {
    path,
    members,
    column,
    ...(key === undefined ? {} : { key }),
    generatedKey: generatedKey ?? false,
    lower: lower ?? false,
    ...(attribute.multiValued ? { value: columnValueOf(path, attribute, mapped) } : {}),
    type: columnType(attribute),
    caseExact: attribute.caseExact,
    unique: unique ?? isUnique,
    checkedInAnyCase: isUnique && !attribute.caseExact && key === undefined,
    invert: invert ?? false,
    unassigned: unassigned ?? null,
  };
}

/** Entra sends `emails[type eq "work"].value`, and Okta the same address as the primary one of the type `work`. */
function columnValueOf(path: string, { subs }: StoredAttribute, mapped: MappedColumn): ColumnValue {
  const isAtWork = subs.get("type")?.canonicalValues.includes("work") === true;
  const { type = isAtWork ? "work" : null, primary = subs.has("primary") } = mapped;
  if (type === "" || (type !== null && !subs.has("type")) || (primary && !subs.has("primary"))) {
    throw new InvalidValueError(path, "its values have no such type, or none is primary.");
  }
  return { isComplex: subs.size > 0, ...(type !== null && { type }), primary };
}

/** `urn:…:User:manager.value` leads to the extension, to `manager` in it, and to `value` in that. */
function membersOf(path: string): [string, ...string[]] {
  const colon = path.toLowerCase().startsWith("urn:") ? path.lastIndexOf(":") : -1;
  const [first = "", ...others] = path.slice(colon + 1).split(".");
  const members: [string, ...string[]] =
    colon < 0 ? [first, ...others] : [path.slice(0, colon), first, ...others];
  const names = colon < 0 ? members : members.slice(1);
  if (!names.every((name) => /^[A-Za-z$][A-Za-z0-9$_-]*$/.test(name)) || isIgnored(members[0])) {
    throw new InvalidValueError(path, "it is not the path of an attribute that is stored.");
  }
  return members;
}

/** What matters of an attribute to the column that holds it. */
interface StoredAttribute extends Pick<Attribute, "type" | "caseExact" | "uniqueness"> {
  readonly multiValued: boolean;
  /** The sub-attributes of each of several values, by name in lower case. */
  readonly subs: Attributes;
}

function attributeAt(
  type: ResourceType,
  path: string,
  members: readonly string[],
): StoredAttribute {
  const found = type.attributes.get(path.toLowerCase());
  if (found === undefined) {
    const [schema = ""] = members;
    const known = type.schemaExtensions.find((one) => one.schema.id === schema)?.schema;
    // An extension of which the type does not know the attributes: they are taken for strings.
    if (schema.includes(":") && (known === undefined || known.standard !== undefined)) {
      return {
        type: "string",
        multiValued: false,
        caseExact: false,
        uniqueness: "none",
        subs: noSubs,
      };
    }
  }
  if (found === undefined || found.path !== path) {
    throw new InvalidValueError(path, "it is not the path of an attribute that is stored.");
  }
  const { attribute, subAttribute } = found;
  const leaf = subAttribute ?? attribute;
  if (subAttribute !== undefined && (attribute.multiValued || subAttribute.multiValued)) {
    throw new InvalidValueError(path, "it is not the path of an attribute that has one value.");
  }
  if (leaf.type !== "complex") return { ...leaf, subs: noSubs };
  const value = leaf.multiValued ? leaf.subAttributes.get("value") : undefined;
  if (value === undefined || value.type === "complex") {
    throw new InvalidValueError(path, "a column holds one value: map the sub-attributes.");
  }
  return { ...value, multiValued: true, subs: leaf.subAttributes };
}

const noSubs: Attributes = new Map();

function columnType({ type }: Pick<Attribute, "type">): ColumnOfAttribute["type"] {
  switch (type) {
    case "boolean":
      return "boolean";
    case "integer":
    case "decimal":
      return "number";
    default:
      return "string";
  }
}
