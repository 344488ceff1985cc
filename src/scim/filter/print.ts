import type { AttrPath, CompValue, Filter, PatchPath } from "./filter.js";

/** Writes a filter as text, with brackets only where they are needed. `parseFilter` reads the same filter from it. */
export function printFilter(filter: Filter): string {
  switch (filter.operator) {
    case "and":
      return filter.filters.map(printConjunct).join(" and ");
    case "or":
      return filter.filters.map(printDisjunct).join(" or ");
    case "not":
      return `not (${printFilter(filter.filter)})`;
    case "valuePath":
      return `${printAttrPath(filter.path)}[${printFilter(filter.filter)}]`;
    case "pr":
      return `${printAttrPath(filter.path)} pr`;
    default:
      return `${printAttrPath(filter.path)} ${filter.operator} ${printValue(filter.value)}`;
  }
}

function printConjunct(filter: Filter): string {
  const isGroup = filter.operator === "and" || filter.operator === "or";
  return isGroup ? `(${printFilter(filter)})` : printFilter(filter);
}

function printDisjunct(filter: Filter): string {
  return filter.operator === "or" ? `(${printFilter(filter)})` : printFilter(filter);
}

function printValue(value: CompValue): string {
  // JSON.stringify writes 0 for it.
  return Object.is(value, -0) ? "-0" : JSON.stringify(value);
}

/** Writes an attribute path in standard attribute notation. RFC 7644 §3.10. */
export function printAttrPath({ schema, attribute, subAttribute }: AttrPath): string {
  const name = subAttribute === undefined ? attribute : `${attribute}.${subAttribute}`;
  return schema === undefined ? name : `${schema}:${name}`;
}

/** Writes the path of a PATCH operation. `parsePatchPath` reads the same path from it. */
export function printPatchPath({ path, filter, subAttribute }: PatchPath): string {
  const selected = filter === undefined ? "" : `[${printFilter(filter)}]`;
  return `${printAttrPath(path)}${selected}${subAttribute === undefined ? "" : `.${subAttribute}`}`;
}
