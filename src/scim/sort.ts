import { InvalidValueError } from "../core/index.js";
import { isReadable, leafOf } from "./filter/bind.js";
import type { AttrPathLike } from "./filter/build.js";
import { instantOf } from "./filter/instant.js";
import { parseAttrPath } from "./filter/parse.js";
import { printAttrPath } from "./filter/print.js";
import { compareText, folded } from "./filter/text.js";
import type { Attribute } from "./schema/attribute.js";
import {
  findAttribute,
  type ResolvedAttribute,
  type ResourceType,
} from "./schema/resource-type.js";

/** In which order resources come, and by which attribute. RFC 7644 §3.4.2.3. */
export interface BoundSort {
  /** The attribute, found in a resource type; never a complex one without a sub-attribute. */
  readonly target: ResolvedAttribute;
  /** The direction. */
  readonly order: "ascending" | "descending";
}

/**
 * Finds the attribute to sort by. RFC 7644 §3.4.2.3. A complex attribute with several values stands for its `value`.
 *
 * What no response may hold is unknown here too: the order of the results would reveal its values.
 *
 * @param sortBy The path in standard attribute notation, in any case.
 * @throws {InvalidPathError} the text is not a path.
 * @throws {InvalidValueError} resources of the type cannot be sorted by it.
 */
export function bindSort(
  sortBy: AttrPathLike,
  type: ResourceType,
  order: BoundSort["order"] = "ascending",
): BoundSort {
  const path = typeof sortBy === "string" ? parseAttrPath(sortBy) : sortBy;
  const found = findAttribute(type, path);
  if (found === undefined || !isReadable(found.attribute) || !isReadable(leafOf(found))) {
    throw new InvalidValueError(
      "sortBy",
      `"${printAttrPath(path).slice(0, 200)}" is not an attribute by which resources of the type ` +
        `${type.name} can be sorted.`,
    );
  }
  if (leafOf(found).type !== "complex") return { target: found, order };
  const target = found.attribute.multiValued
    ? findAttribute(type, { ...path, subAttribute: "value" })
    : undefined;
  if (target === undefined) {
    throw new InvalidValueError("sortBy", `"${found.path}" is complex: name a sub-attribute.`);
  }
  return { target, order };
}

/** What a resource is sorted by: text in the form in which it is compared, or a number; `undefined` without a value. */
export type SortKey = string | number | undefined;

/** How resources are put in order: first the value of each is taken, then values are compared. */
export interface Sorter {
  /** What this resource is sorted by. Of several values it is the primary one, or else the first. */
  keyOf(resource: object): SortKey;
  /** Less than 0 when the first comes first, more than 0 when the second does. */
  compare(one: SortKey, other: SortKey): number;
}

/**
 * Makes an order of its description. Text is compared by the rule of `caseExact`, in the order of code points, and
 * dates as instants; what has no value comes last in ascending order, and first in descending order (RFC 7644
 * §3.4.2.3).
 */
export function compileSort({ target, order }: BoundSort): Sorter {
  const leaf = leafOf(target);
  const direction = order === "descending" ? -1 : 1;
  return {
    keyOf: (resource) => sortKey(valueAt(resource, target), leaf),
    compare: (one, other) => direction * ascending(one, other),
  };
}

function ascending(one: SortKey, other: SortKey): number {
  if (one === other) return 0;
  if (one === undefined) return 1;
  if (other === undefined) return -1;
  if (typeof one === "string" && typeof other === "string") return compareText(one, other);
  return one < other ? -1 : 1;
}

function sortKey(value: unknown, { type, caseExact }: Attribute): SortKey {
  switch (typeof value) {
    case "number":
      return value;
    case "boolean":
      return Number(value);
    case "string": {
      if (value === "") return undefined;
      if (type === "dateTime") return instantOf(value);
      return caseExact ? value : folded(value);
    }
    default:
      return undefined;
  }
}

function valueAt(
  resource: object,
  { extension, schema, attribute, subAttribute }: ResolvedAttribute,
): unknown {
  const holder = extension && schema !== undefined ? own(resource, schema.id) : resource;
  const value = own(holder, attribute.name);
  const single = Array.isArray(value) ? primaryOf(value) : value;
  return subAttribute === undefined ? single : own(single, subAttribute.name);
}

function primaryOf(values: readonly unknown[]): unknown {
  return values.find((value) => own(value, "primary") === true) ?? values[0];
}

function own(holder: unknown, name: string): unknown {
  return typeof holder === "object" && holder !== null && Object.hasOwn(holder, name)
    ? Reflect.get(holder, name)
    : undefined;
}
