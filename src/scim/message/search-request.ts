/** The URI that a query in the body of a POST has in `schemas`. RFC 7644 §3.4.3. */
export const searchRequestId = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/** A query in the body of a POST to `/.search`. RFC 7644 §3.4.3, RFC 9865 §3. */
export interface SearchRequest {
  /** `searchRequestId`. */
  readonly schemas: readonly [typeof searchRequestId];
  /** The attributes to return. RFC 7644 §3.9. */
  readonly attributes?: readonly string[] | undefined;
  /** The attributes not to return. RFC 7644 §3.9. */
  readonly excludedAttributes?: readonly string[] | undefined;
  /** Which resources. RFC 7644 §3.4.2.2. */
  readonly filter?: string | undefined;
  /** The path of the attribute to sort by. RFC 7644 §3.4.2.3. */
  readonly sortBy?: string | undefined;
  /** The direction. Default: `ascending`. RFC 7644 §3.4.2.3. */
  readonly sortOrder?: "ascending" | "descending" | undefined;
  /** The 1-based index of the first result. RFC 7644 §3.4.2.4. */
  readonly startIndex?: number | undefined;
  /** The most results. RFC 7644 §3.4.2.4. */
  readonly count?: number | undefined;
  /** "" for the first page by cursor, or a cursor of a response to this query. RFC 9865 §2. */
  readonly cursor?: string | undefined;
}
