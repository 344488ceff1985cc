/**
 * A filter (RFC 7644 §3.4.2.2). Attribute names are SCIM's; which pairs of attribute and operator a store answers is in
 * its {@link Capabilities}.
 */
export interface Filter {
  readonly operator: "eq";
  /** The attribute, such as `userName`; compared by the rule of its `caseExact`. */
  readonly path: string;
  readonly value: string | boolean;
}

/** What to look for, and which part of the answer. */
export interface Query {
  /** All resources, when absent. */
  readonly filter?: Filter;
  /** The 1-based index of the first result (RFC 7644 §3.4.2.4). Default 1. */
  readonly startIndex?: number;
  /** The most results to return. Default and upper bound: the store's `maxPageSize`. */
  readonly count?: number;
}

/** Part of an answer, in an order that is stable from page to page. */
export interface Page<T> {
  /** How many resources match in all. */
  readonly totalResults: number;
  /** The 1-based index of the first of these. */
  readonly startIndex: number;
  readonly resources: readonly T[];
}
