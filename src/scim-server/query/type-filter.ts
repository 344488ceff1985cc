import {
  type Attribute,
  type BoundFilter,
  bindFilter,
  type Comparison,
  compileFilter,
  type Filter,
  type Presence,
  type ResourceType,
} from "../../scim/index.js";
import { filterOperators, findAttribute, printAttrPath } from "../../scim/internal.js";

/**
 * A filter as it is for the resources of one type: true or false where it is that for all of them.
 *
 * What it says of `meta.resourceType` is known from the type. Of several types, an attribute that one has not is an
 * attribute without a value there (RFC 7644 §3.4.2.1).
 */
export function filterForType(
  filter: Filter,
  type: ResourceType,
  others: "known" | "unassigned",
): Filter | boolean {
  switch (filter.operator) {
    case "and":
    case "or":
      return joined(
        filter.operator,
        filter.filters.map((part) => filterForType(part, type, others)),
      );
    case "not": {
      const inner = filterForType(filter.filter, type, others);
      return typeof inner === "boolean" ? !inner : { operator: "not", filter: inner };
    }
    case "valuePath":
      return others === "unassigned" && !isKnown(filter.path, type) ? false : filter;
    default:
      return leaf(filter, type, others);
  }
}

function leaf(
  filter: Comparison | Presence,
  type: ResourceType,
  others: "known" | "unassigned",
): Filter | boolean {
  const found = findAttribute(type, filter.path);
  if (found?.path === "meta.resourceType") {
    const bound: BoundFilter = bindFilter(filter, type);
    return compileFilter(bound)({ meta: { resourceType: type.name } });
  }
  if (others === "known" || isKnown(filter.path, type)) return filter;
  if (filter.operator === "pr") return false;
  if (filterOperators[filter.operator].kind === "negation") return filter.value !== null;
  return filter.operator === "eq" && filter.value === null;
}

function isKnown(path: Comparison["path"], type: ResourceType): boolean {
  const found = findAttribute(type, path);
  const isReadable = (attribute: Attribute): boolean => attribute.returned !== "never";
  return (
    found !== undefined &&
    isReadable(found.attribute) &&
    isReadable(found.subAttribute ?? found.attribute)
  );
}

function joined(operator: "and" | "or", parts: readonly (Filter | boolean)[]): Filter | boolean {
  const decisive = operator === "or";
  if (parts.includes(decisive)) return decisive;
  const filters = parts.filter((part) => typeof part !== "boolean");
  const [first] = filters;
  if (first === undefined) return !decisive;
  return filters.length === 1 ? first : { operator, filters };
}

/** The first path in a filter that names an attribute of none of the types. */
export function namesNothing(filter: Filter, types: readonly ResourceType[]): string | undefined {
  switch (filter.operator) {
    case "and":
    case "or":
      return filter.filters
        .map((part) => namesNothing(part, types))
        .find((unknown) => unknown !== undefined);
    case "not":
      return namesNothing(filter.filter, types);
    default:
      return types.some((type) => isKnown(filter.path, type))
        ? undefined
        : printAttrPath(filter.path);
  }
}
