import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyOf, type FrameworkRequest } from "./node-body.js";

/** A Web `Request` of a request of `node:http`, whose signal is aborted when the client goes away. */
export async function toWebRequest(
  request: FrameworkRequest,
  response: ServerResponse,
  origin: string,
): Promise<Request> {
  const { method = "GET" } = request;
  const abort = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) abort.abort();
  });
  const headers = headersOf(request);
  // A framework that has read the body has decoded it.
  if (request.readableDidRead) headers.delete("content-encoding");
  const body = method === "GET" || method === "HEAD" ? null : await bodyOf(request, response);
  return new Request(origin + pathIn(targetOf(request)), {
    method,
    headers,
    signal: abort.signal,
    ...(body !== null && { body, duplex: "half" as const }),
  });
}

/** The target as it was received, also below the path at which a framework has mounted the handler. */
export function targetOf({ originalUrl, url = "/" }: FrameworkRequest): string {
  return typeof originalUrl === "string" ? originalUrl : url;
}

/** A target may be a whole URL (RFC 9112 §3.2.2), of which the origin does not count. */
function pathIn(target: string): string {
  if (target.startsWith("/")) return target;
  const url = URL.parse(target);
  return url === null ? "/" : url.pathname + url.search;
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  }
  return headers;
}
