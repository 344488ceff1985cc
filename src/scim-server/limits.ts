import { InvalidValueError, type Settled, withDefaults } from "../core/index.js";

/** How much one request may ask for. What clients have to know of it is in ServiceProviderConfig. */
export interface ScimLimits {
  /** The longest body, in bytes; `maxPayloadSize` of bulk requests. Default: 1,048,576. */
  readonly maxBodyBytes?: number | undefined;
  /** How deep the JSON of a body may be nested. Default: 32. */
  readonly depth?: number | undefined;
  /** The most operations of a bulk request, `maxOperations`. Default: 1,000. */
  readonly bulkOperations?: number | undefined;
  /** The most operations of a PATCH. Default: 1,000. */
  readonly patchOperations?: number | undefined;
  /**
   * The most comparisons that the operations of a PATCH make with values of the resource, those of all PATCHes of a
   * bulk request together. See `PatchLimits`. Default: 5,000,000.
   */
  readonly patchComparisons?: number | undefined;
  /** The most values of an attribute in a body, such as members. Default: 100,000. */
  readonly values?: number | undefined;
  /** The most resources in one page, `maxResults` and `maxPageSize`. Default: 1,000. A store may have less. */
  readonly pageSize?: number | undefined;
  /** How many resources a page has where the client states no `count`, `defaultPageSize`. Default: 100. */
  readonly defaultPageSize?: number | undefined;
  /** The longest filter, in UTF-16 code units. Default: 16,384. */
  readonly filterLength?: number | undefined;
  /**
   * The most resources to read from a store for one response to a query that it does not support itself. Default: 0, so
   * that such a query is refused.
   */
  readonly rowsInMemory?: number | undefined;
}

const defaults: Settled<ScimLimits> = {
  maxBodyBytes: 1_048_576,
  depth: 32,
  bulkOperations: 1_000,
  patchOperations: 1_000,
  patchComparisons: 5_000_000,
  values: 100_000,
  pageSize: 1_000,
  defaultPageSize: 100,
  filterLength: 16_384,
  rowsInMemory: 0,
};

/**
 * The limits with their defaults.
 *
 * @throws {InvalidValueError} one is not a whole number, or is less than 1 where that would refuse everything.
 */
export function scimLimits(stated: ScimLimits = {}): Settled<ScimLimits> {
  const limits = withDefaults(defaults, stated);
  for (const [name, limit] of Object.entries(limits)) {
    const least = name === "rowsInMemory" ? 0 : 1;
    if (!Number.isSafeInteger(limit) || limit < least) {
      throw new InvalidValueError(`limits.${name}`, `a limit is a whole number from ${least}.`);
    }
  }
  return { ...limits, defaultPageSize: Math.min(limits.defaultPageSize, limits.pageSize) };
}
