import type { ErrorMessage } from "./error.js";

/** The URI that the body of a bulk request has in `schemas`. RFC 7644 §3.7. */
export const bulkRequestId = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/** The URI that the response to a bulk request has in `schemas`. RFC 7644 §3.7. */
export const bulkResponseId = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/** One operation of a bulk request. RFC 7644 §3.7. */
export interface BulkOperation {
  /** The method of the single request. */
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** The client's name for the resource that a POST creates. Others refer to it as `bulkId:` and this name. */
  readonly bulkId?: string;
  /** The version that the resource has to be in. */
  readonly version?: string;
  /** The path below the base URL: `/Users` for a POST, `/Users/2819c223-…` for the others. */
  readonly path: string;
  /** What the body of the single request would be. */
  readonly data?: unknown;
}

/** The body of a bulk request. RFC 7644 §3.7. */
export interface BulkRequest {
  /** `bulkRequestId`. */
  readonly schemas: readonly [typeof bulkRequestId];
  /** After how many errors to stop. Default: not at all. */
  readonly failOnErrors?: number;
  readonly Operations: readonly BulkOperation[];
}

/** How one operation of a bulk request ended. RFC 7644 §3.7.3. */
export interface BulkResult {
  readonly method: BulkOperation["method"];
  readonly bulkId?: string;
  /** The version that the resource is in now. */
  readonly version?: string;
  /** The URL of the resource; absent where it could not be created. */
  readonly location?: string;
  /** The HTTP status code of the single request, in digits. */
  readonly status: string;
  /** The error, where there was one. */
  readonly response?: ErrorMessage;
}

/** The response to a bulk request. RFC 7644 §3.7. */
export interface BulkResponse {
  /** `bulkResponseId`. */
  readonly schemas: readonly [typeof bulkResponseId];
  /** The results of the operations that were carried out, in their order. */
  readonly Operations: readonly BulkResult[];
}
