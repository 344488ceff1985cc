import type { FederationError } from "../errors.js";
import { type BufferedResponse, methods } from "../message/request.js";

/** Makes the response that says that a request was not passed on, or its response not passed back. */
export type ErrorResponse = (error: FederationError, now: number) => BufferedResponse;

/**
 * An error in the shape of privacyIDEA's API, with the status, negated, as its code. It has no detail: one that is null
 * breaks a privacyIDEA that has passed the request on.
 */
export const apiErrorResponse: ErrorResponse = (error, now) => {
  const body = {
    id: 1,
    jsonrpc: "2.0",
    result: { error: { code: -error.status, message: error.message }, status: false },
    time: now / 1_000,
    version: "concordat",
  };
  return {
    status: error.status,
    fields: ["content-type", "application/json"],
    content: Buffer.from(JSON.stringify(body)),
  };
};

/**
 * The response of a failure, with what HTTP wants to be said of it.
 *
 * @param id the name of this side.
 */
export function errorResponseOf(
  error: FederationError,
  make: ErrorResponse,
  now: number,
  id: string,
): BufferedResponse {
  const response = withProxyStatus(make(error, now), id, error);
  if (error.reason !== "method_not_allowed") return response;
  // RFC 9110 §15.5.6.
  return { ...response, fields: [...response.fields, "allow", [...methods].join(", ")] };
}

/**
 * A response with a Proxy-Status field that says which server has failed and how (RFC 9209 §2). As it is, where it was
 * no failure of a server.
 *
 * @param id the name of this side.
 */
export function withProxyStatus(
  response: BufferedResponse,
  id: string,
  { proxyError, server }: FederationError,
): BufferedResponse {
  if (proxyError === undefined) return response;
  const nextHop = server === undefined ? "" : `; next-hop=${quote(server)}`;
  const value = `${quote(id)}; error=${proxyError}${nextHop}`;
  return { ...response, fields: [...response.fields, "proxy-status", value] };
}

/** A string of structured fields (RFC 8941 §3.3.3), which are ASCII. */
function quote(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/[\\"]/g, "\\$&")}"`;
}
