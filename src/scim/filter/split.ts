import type { BoundFilter } from "./bound-filter.js";

/**
 * A filter in two parts: a resource matches the whole exactly when it matches both. A part that is absent matches
 * everything.
 */
export interface SplitFilter {
  /** What the store can evaluate. */
  readonly pushed?: BoundFilter;
  /** What is left to be evaluated on the resources that the store returns. */
  readonly rest?: BoundFilter;
}

/**
 * Splits a filter into what a store can evaluate and what is left. Nothing is widened or narrowed: the filter is
 * `pushed` *and* `rest`.
 *
 * @param canEvaluate Whether the store can evaluate a filter. It is asked of comparisons, presences and value paths; and
 * of `and`, `or` and `not` once it has agreed to all that is in them.
 */
export function splitFilter(
  filter: BoundFilter,
  canEvaluate: (filter: BoundFilter) => boolean,
): SplitFilter {
  if (isPushed(filter, canEvaluate)) return { pushed: filter };
  let pushed: BoundFilter | undefined;
  const rest: BoundFilter[] = [];
  for (const conjunct of conjuncts(filter)) {
    const grown = pushed === undefined ? conjunct : joined(pushed, conjunct);
    if (isPushed(conjunct, canEvaluate) && (grown === conjunct || canEvaluate(grown)))
      pushed = grown;
    else rest.push(conjunct);
  }
  if (pushed === undefined) return { rest: filter };
  return rest.length === 0 ? { pushed } : { pushed, rest: rest.reduce(joined) };
}

/** Filters that all match exactly when the filter does, as many as can be had without making it longer. */
function conjuncts(filter: BoundFilter): BoundFilter[] {
  if (filter.operator === "and") return filter.filters.flatMap(conjuncts);
  if (filter.operator !== "not") return [filter];
  const inner = filter.filter;
  if (inner.operator === "not") return conjuncts(inner.filter);
  if (inner.operator !== "or") return [filter];
  // What matches none of several is what does not match each.
  return inner.filters.flatMap((part) => conjuncts({ operator: "not", filter: part }));
}

function isPushed(filter: BoundFilter, canEvaluate: (filter: BoundFilter) => boolean): boolean {
  const isWithin = (part: BoundFilter): boolean => isPushed(part, canEvaluate);
  switch (filter.operator) {
    case "and":
    case "or":
      return filter.filters.every(isWithin) && canEvaluate(filter);
    case "not":
      return isWithin(filter.filter) && canEvaluate(filter);
    default:
      return canEvaluate(filter);
  }
}

/** One more filter in a list of those that all match. */
function joined(filter: BoundFilter, next: BoundFilter): BoundFilter {
  const filters = filter.operator === "and" ? filter.filters : [filter];
  return { operator: "and", filters: [...filters, next] };
}
