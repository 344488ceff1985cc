import { InvalidFilterError } from "./errors.js";
import type {
  AttrPath,
  CompareOperator,
  Comparison,
  CompValue,
  Filter,
  Not,
  Presence,
  ValuePath,
} from "./filter.js";
import { parseAttrPath } from "./parse.js";

/** An attribute path, as text in standard attribute notation (RFC 7644 §3.10) or in its parts. */
export type AttrPathLike = string | AttrPath;

/** The attribute has this value. */
export function eq(path: AttrPathLike, value: CompValue): Comparison {
  return comparison("eq", path, value);
}

/** The attribute has another value, or none. */
export function ne(path: AttrPathLike, value: CompValue): Comparison {
  return comparison("ne", path, value);
}

/** The value contains this text. */
export function co(path: AttrPathLike, value: string): Comparison {
  return comparison("co", path, value);
}

/** The value starts with this text. */
export function sw(path: AttrPathLike, value: string): Comparison {
  return comparison("sw", path, value);
}

/** The value ends with this text. */
export function ew(path: AttrPathLike, value: string): Comparison {
  return comparison("ew", path, value);
}

/** The value is greater than this one. */
export function gt(path: AttrPathLike, value: string | number): Comparison {
  return comparison("gt", path, value);
}

/** The value is greater than this one, or equal to it. */
export function ge(path: AttrPathLike, value: string | number): Comparison {
  return comparison("ge", path, value);
}

/** The value is less than this one. */
export function lt(path: AttrPathLike, value: string | number): Comparison {
  return comparison("lt", path, value);
}

/** The value is less than this one, or equal to it. */
export function le(path: AttrPathLike, value: string | number): Comparison {
  return comparison("le", path, value);
}

/** The builder of each operator. The index of the room exports it by the same name. */
export const builders: Readonly<
  Record<CompareOperator, (path: AttrPathLike, value: never) => Comparison>
> = { eq, ne, co, sw, ew, gt, ge, lt, le };

/** The attribute has a value: the operator `pr`. */
export function present(path: AttrPathLike): Presence {
  return { operator: "pr", path: attrPath(path) };
}

/**
 * All of the filters match. A single filter is left as it is.
 *
 * @throws {InvalidFilterError} there is no filter: the grammar has no word for "everything".
 */
export function and(...filters: readonly Filter[]): Filter {
  return joined("and", filters);
}

/**
 * At least one of the filters matches. A single filter is left as it is.
 *
 * @throws {InvalidFilterError} there is no filter: the grammar has no word for "nothing".
 */
export function or(...filters: readonly Filter[]): Filter {
  return joined("or", filters);
}

/** The filter does not match. */
export function not(filter: Filter): Not {
  return { operator: "not", filter };
}

/** One value of a multi-valued attribute matches by itself. The paths in the filter are the names of sub-attributes. */
export function valuePath(path: AttrPathLike, filter: Filter): ValuePath {
  return { operator: "valuePath", path: attrPath(path), filter };
}

function comparison(operator: CompareOperator, path: AttrPathLike, value: CompValue): Comparison {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new InvalidFilterError("A filter compares with finite numbers only.");
  }
  return { operator, path: attrPath(path), value };
}

function attrPath(path: AttrPathLike): AttrPath {
  return typeof path === "string" ? parseAttrPath(path) : path;
}

function joined(operator: "and" | "or", filters: readonly Filter[]): Filter {
  const [first, ...others] = filters;
  if (first === undefined) throw new InvalidFilterError(`"${operator}" joins one filter or more.`);
  return others.length === 0 ? first : { operator, filters };
}
