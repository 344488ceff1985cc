import type { BoundFilter, BoundSort } from "../scim/index.js";

/** What to look for, in which order, and which part of the result. */
export interface Query {
  /**
   * Which resources: all of them, when absent. `bindFilter` makes it, of what `parseFilter` read or of `eq`, `and` and
   * their like. On each comparison, `target.path` is the attribute's path as the schemas spell it.
   */
  readonly filter?: BoundFilter | undefined;
  /**
   * In which order, as `bindSort` makes it. Without it: in one that is the store's, and stays the same from page to
   * page.
   */
  readonly sort?: BoundSort | undefined;
  /** The 1-based index of the first result (RFC 7644 §3.4.2.4). Default 1. Not together with `cursor`. */
  readonly startIndex?: number | undefined;
  /**
   * Asks for a page by cursor (RFC 9865): "" for the first page, or a cursor of a result of the same query. Every
   * resource that is there all the while is on exactly one of the pages, whatever else comes and goes.
   */
  readonly cursor?: string | undefined;
  /** The most results to return. Default and upper bound: the store's `maxPageSize`. */
  readonly count?: number | undefined;
}

/** Part of a result. */
export interface Page<T> {
  /**
   * How many resources match in all. A page by cursor may leave it out, since counting can take longer than the page.
   */
  readonly totalResults?: number;
  /** The 1-based index of the first of these, on a page by index. */
  readonly startIndex?: number;
  /** Asks for the page after this one; absent where this is the last, or a page by index. Opaque. */
  readonly nextCursor?: string;
  /** Asks for the page before this one, where the store can go back and there is one. Opaque. */
  readonly previousCursor?: string;
  /** The resources, in the order of the query; none where the page is behind the end, or `count` is 0. */
  readonly resources: readonly T[];
}
