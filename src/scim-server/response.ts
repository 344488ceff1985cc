import { errorMessage } from "../scim/internal.js";
import type { Failure } from "./request/error.js";

const mediaType = "application/scim+json";

/** The response of an endpoint, before it becomes an HTTP response or a result of a bulk request. */
export interface EndpointResponse {
  readonly status: number;
  readonly body?: object;
  /** The URL of the resource. */
  readonly location?: string;
  /** The entity-tag of the resource. */
  readonly version?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether a resource that is reported as created existed before. */
  readonly isLinked?: boolean;
}

/** The response for an error. RFC 7644 §3.12. */
export function failed({ status, detail, scimType, headers }: Failure): EndpointResponse {
  const body = errorMessage(status, detail, scimType);
  return { status, body, ...(headers !== undefined && { headers }) };
}

/** The HTTP response. */
export function toResponse(
  { method }: Request,
  { status, body, location, version, headers = {} }: EndpointResponse,
  isSignedIn: boolean,
): Response {
  const isEmpty = body === undefined || status === 204 || status === 304;
  return new Response(isEmpty || method === "HEAD" ? null : JSON.stringify(body), {
    status,
    headers: {
      ...(!isEmpty && { "Content-Type": mediaType }),
      // RFC 7644 §7.5: what one may see is kept by no cache on the way, which would show it to another.
      ...(isSignedIn && { "Cache-Control": "no-store" }),
      ...(location !== undefined && { Location: location }),
      ...(version !== undefined && { ETag: version }),
      ...headers,
    },
  });
}
