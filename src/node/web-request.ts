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

/** Up to which stated length a body is read before the handler is asked, in bytes: it costs less than a stream. */
const smallBody = 65_536;

/** A Web `Request` of a request of `node:http`, whose signal is aborted when the client goes away. */
export async function toWebRequest(
  request: FrameworkRequest,
  response: ServerResponse,
  origin: string,
): Promise<Request> {
  const { method = "GET", originalUrl, url = "/" } = request;
  const abort = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) abort.abort();
  });
  const target = typeof originalUrl === "string" ? originalUrl : url;
  const body = method === "GET" || method === "HEAD" ? null : await bodyOf(request);
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

/** The body; or, where a framework has read it before, what the framework made of it. */
async function bodyOf(request: FrameworkRequest): Promise<NonNullable<RequestInit["body"]> | null> {
  const { headers, body } = request;
  const length = Number(headers["content-length"] ?? 0);
  if (headers["transfer-encoding"] === undefined && length === 0) return null;
  if (!request.readableDidRead) {
    return length > 0 && length <= smallBody
      ? await wholeBody(request)
      : (Readable.toWeb(request) as NonNullable<RequestInit["body"]>);
  }
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  if (body !== undefined) return JSON.stringify(body);
  throw new UnsupportedError(
    "The body of the request was read before it came here, and is not in request.body: mount the handler before what reads bodies.",
  );
}

/** A body whose length `node:http` holds the client to. */
function wholeBody(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request
      .on("data", (chunk: Buffer) => {
        chunks.push(chunk);
      })
      .once("end", () => resolve(new Uint8Array(Buffer.concat(chunks))))
      .once("error", reject);
  });
}
