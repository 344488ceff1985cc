import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { UnsupportedError } from "../core/index.js";

/** What frameworks add to a request. */
interface FrameworkRequest extends IncomingMessage {
  /** The target as it came, where the framework takes the path of the mount away from `url`. */
  readonly originalUrl?: unknown;
  /** The body, where the framework has read it. */
  readonly body?: unknown;
}

/** A Web `Request` of a request of `node:http`, whose signal is aborted when the client goes away. */
export function toWebRequest(
  request: FrameworkRequest,
  response: ServerResponse,
  origin: string,
): Request {
  const { method = "GET", originalUrl, url = "/" } = request;
  const abort = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) abort.abort();
  });
  const target = typeof originalUrl === "string" ? originalUrl : url;
  const body = method === "GET" || method === "HEAD" ? null : bodyOf(request);
  return new Request(origin + pathIn(target), {
    method,
    headers: headersOf(request),
    signal: abort.signal,
    ...(body !== null && { body, duplex: "half" as const }),
  });
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

/** The body as it comes; or, where a framework has read it before, what the framework made of it. */
function bodyOf(request: FrameworkRequest): NonNullable<RequestInit["body"]> | null {
  const { headers } = request;
  const hasBody =
    headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  if (!hasBody) return null;
  if (!request.readableDidRead) return Readable.toWeb(request) as NonNullable<RequestInit["body"]>;
  const { body } = request;
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  if (body !== undefined) return JSON.stringify(body);
  throw new UnsupportedError(
    "The body of the request was read before it came here, and is not in request.body: mount the handler before what reads bodies.",
  );
}
