import type { And, Comparison, Filter, Not, Or, Presence, ValuePath } from "./filter.js";

/** What is made of each kind of filter, and of those that hold others, given what was made of them. */
export interface FilterVisitor<R> {
  /** A comparison with a value, as `userName eq "ada"`. */
  comparison(filter: Comparison): R;
  /** `pr`. */
  presence(filter: Presence): R;
  /** All of them; `results` is what was made of each part. */
  and(results: readonly R[], filter: And): R;
  /** At least one of them. */
  or(results: readonly R[], filter: Or): R;
  /** The opposite; `result` is what was made of the filter within. */
  not(result: R, filter: Not): R;
  /** The filter within is not visited, since its paths are those of sub-attributes. Visit it where that is of use. */
  valuePath(filter: ValuePath): R;
}

/**
 * Turns a filter into something else, from the inside out.
 *
 * ```ts
 * const paths = visitFilter<string[]>(parseFilter('title pr and userType eq "Intern"'), {
 *   comparison: ({ path }) => [path.attribute],
 *   presence: ({ path }) => [path.attribute],
 *   valuePath: ({ path }) => [path.attribute],
 *   and: (paths) => paths.flat(),
 *   or: (paths) => paths.flat(),
 *   not: (paths) => paths,
 * });
 * ```
 */
export function visitFilter<R>(filter: Filter, visitor: FilterVisitor<R>): R {
  switch (filter.operator) {
    case "and":
      return visitor.and(
        filter.filters.map((part) => visitFilter(part, visitor)),
        filter,
      );
    case "or":
      return visitor.or(
        filter.filters.map((part) => visitFilter(part, visitor)),
        filter,
      );
    case "not":
      return visitor.not(visitFilter(filter.filter, visitor), filter);
    case "valuePath":
      return visitor.valuePath(filter);
    case "pr":
      return visitor.presence(filter);
    default:
      return visitor.comparison(filter);
  }
}
