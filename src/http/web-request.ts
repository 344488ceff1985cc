import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConnectionInfo } from "../core/index.js";
import { bodyOf, type FrameworkRequest } from "./node-body.js";

/** How a request of `node:http` becomes a Web `Request`. */
export interface WebRequestOptions {
  /** The origin of its URL. */
  readonly origin: string;
  /** Its target: the path and the query. */
  readonly target: string;
  /** The body, where it was read before. Default: as it comes, or as a framework has read it. */
  readonly content?: Uint8Array | undefined;
}

/** A Web `Request` of a request of `node:http`, whose signal is aborted when the client goes away. */
export async function toWebRequest(
  request: FrameworkRequest,
  response: ServerResponse,
  { origin, target, content }: WebRequestOptions,
): Promise<Request> {
  const { method = "GET" } = request;
  const abort = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) abort.abort();
  });
  const headers = headersOf(request.rawHeaders);
  let body: Awaited<ReturnType<typeof bodyOf>> = null;
  if (method !== "GET" && method !== "HEAD") {
    // A framework that has read the body has decoded it.
    if (content === undefined && request.readableDidRead) headers.delete("content-encoding");
    body = content === undefined ? await bodyOf(request, response) : new Uint8Array(content);
  }
  return new Request(origin + pathIn(target), {
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

/** What a handler gets to know of the connection. */
export function connectionOf({ socket }: IncomingMessage, target: string): ConnectionInfo {
  const { remoteAddress } = socket;
  return { ...(remoteAddress === undefined ? {} : { remoteAddress }), target };
}

/** A target may be a whole URL (RFC 9112 §3.2.2), of which the origin does not count. */
function pathIn(target: string): string {
  if (target.startsWith("/")) return target;
  const url = URL.parse(target);
  return url === null ? "/" : url.pathname + url.search;
}

/** The header fields of names and values in turn, as `rawHeaders` of `node:http` and undici have them. */
export function headersOf(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at < lines.length; at += 2) {
    headers.append(lines[at] ?? "", lines[at + 1] ?? "");
  }
  return headers;
}
