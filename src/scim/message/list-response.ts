/** The URI that the response to a query has in `schemas`. RFC 7644 §3.4.2. */
export const listResponseId = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/** The response to a query. RFC 7644 §3.4.2, RFC 9865 §2. */
export interface ListResponse<R = object> {
  /** `listResponseId`. */
  readonly schemas: readonly [typeof listResponseId];
  /** How many resources match in all. Absent where pages are by cursor and the service provider does not count. */
  readonly totalResults?: number;
  /** The 1-based index of the first of these resources; absent from pages by cursor. */
  readonly startIndex?: number;
  /** How many resources are here. */
  readonly itemsPerPage?: number;
  /** Asks for the page after this one; absent only from the last page by cursor. */
  readonly nextCursor?: string;
  /** Asks for the page before this one, where the service provider can go back. */
  readonly previousCursor?: string;
  /** The resources. */
  readonly Resources: readonly R[];
}
