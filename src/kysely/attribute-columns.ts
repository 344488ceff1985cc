import { InvalidValueError } from "../core/index.js";
import {
  type Attribute,
  type Attributes,
  commonAttributes,
  enterpriseUserSchema,
  groupSchema,
  userSchema,
} from "../scim/index.js";
import type { AttributeColumn, MappedColumn, ResourceMap } from "./column-map.js";

/** An attribute or sub-attribute and its column. */
export interface ColumnOfAttribute {
  /** The SCIM path, such as `name.givenName`. */
  readonly path: string;
  /** The names of the members that lead to the value: of the resource, and of the complex attribute within it. */
  readonly members: readonly [string, ...string[]];
  readonly column: string;
  /** The column with the value as it is compared without regard to case. */
  readonly key?: string;
  /** Whether filters may go by `lower`. */
  readonly lower: boolean;
  /** Whether the attribute has several values, of which the column has one. */
  readonly multiValued: boolean;
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
  if (column.multiValued) return false;
  return !isCaseless(column) || column.key !== undefined || column.lower;
}

/** Attributes that are no part of what is stored: the service provider's own, and secrets. */
const passedOver: ReadonlySet<string> = new Set([
  "schemas",
  "id",
  "meta",
  "groups",
  "members",
  "password",
]);

/** Whether an attribute of a resource is passed over when the resource is stored. */
export function isPassedOver(name: string): boolean {
  return passedOver.has(name);
}

/**
 * Reads the columns of a map.
 *
 * @throws {InvalidValueError} a path that is no attribute's, or one that a column cannot hold.
 */
export function attributeColumns(type: "User" | "Group", map: ResourceMap): ColumnOfAttribute[] {
  return Object.entries<AttributeColumn | undefined>(map.attributes).flatMap(([path, mapped]) => {
    if (mapped === undefined) return [];
    const { column, key, lower, unique, invert, unassigned }: MappedColumn =
      typeof mapped === "string" ? { column: mapped } : mapped;
    const members = membersOf(path);
    const attribute = attributeAt(type, path, members);
    if (attribute.type === "complex" && !attribute.multiValued) {
      throw new InvalidValueError(path, "a column holds one value: map the sub-attributes.");
    }
    return {
      path,
      members,
      column,
      ...(key === undefined ? {} : { key }),
      lower: lower ?? false,
      multiValued: attribute.multiValued,
      type: columnType(attribute),
      caseExact: attribute.caseExact,
      unique: unique ?? attribute.uniqueness !== "none",
      checkedInAnyCase:
        attribute.uniqueness !== "none" && !attribute.caseExact && key === undefined,
      invert: invert ?? false,
      unassigned: unassigned ?? null,
    };
  });
}

/** `urn:…:User:manager.value` leads to the extension, to `manager` in it, and to `value` in that. */
function membersOf(path: string): [string, ...string[]] {
  const colon = path.toLowerCase().startsWith("urn:") ? path.lastIndexOf(":") : -1;
  const [first = "", ...others] = path.slice(colon + 1).split(".");
  const members: [string, ...string[]] =
    colon < 0 ? [first, ...others] : [path.slice(0, colon), first, ...others];
  const names = colon < 0 ? members : members.slice(1);
  if (!names.every((name) => /^[A-Za-z$][A-Za-z0-9$_-]*$/.test(name)) || isPassedOver(members[0])) {
    throw new InvalidValueError(path, "it is not the path of an attribute that is stored.");
  }
  return members;
}

function attributeAt(
  type: "User" | "Group",
  path: string,
  members: readonly string[],
): Pick<Attribute, "type" | "multiValued" | "caseExact" | "uniqueness"> {
  let attributes: Attributes = type === "User" ? userSchema.attributes : groupSchema.attributes;
  let names = members;
  if (members[0]?.includes(":")) {
    // Extensions of the host's own are not known here, so their attributes are taken for strings.
    if (members[0] !== enterpriseUserSchema.id) {
      return { type: "string", multiValued: false, caseExact: false, uniqueness: "none" };
    }
    attributes = enterpriseUserSchema.attributes;
    names = members.slice(1);
  }
  let attribute: Attribute | undefined;
  for (const name of names) {
    const known = attributes.get(name.toLowerCase()) ?? commonAttributes.get(name.toLowerCase());
    if (known === undefined || known.name !== name || attribute?.multiValued) {
      throw new InvalidValueError(path, "it is not the path of an attribute that has one value.");
    }
    attribute = known;
    attributes = known.subAttributes;
  }
  if (attribute === undefined) throw new InvalidValueError(path, "it is not a path.");
  return attribute;
}

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
