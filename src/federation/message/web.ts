import { Readable } from "node:stream";
import type { ConnectionInfo } from "../../core/index.js";
import { type BodyDeadline, headersOf, readBody } from "../../http/index.js";
import { FederationError } from "../errors.js";
import { type BufferedResponse, belowBase, EventRequest, tooLarge } from "./request.js";

/**
 * Reads a Web `Request` with its whole content. The request itself is left as it is: a copy is read.
 *
 * @param basePath where the API begins on this side; taken away from the path.
 * @throws {FederationError}
 */
export async function readWebRequest(
  request: Request,
  connection: ConnectionInfo | undefined,
  basePath: string,
  maxBodyBytes: number,
  deadline: BodyDeadline,
): Promise<EventRequest> {
  const content = await readBody(request.clone(), { maxBodyBytes, tooLarge, deadline });
  return new EventRequest({
    method: request.method,
    target: belowBase(targetOf(request.url), basePath),
    fields: [...request.headers].flat(),
    content,
    remoteAddress: connection?.remoteAddress,
    isSecure: request.url.startsWith("https:"),
    signal: request.signal,
  });
}

/** The request target in origin form, of a URL whose origin is of no matter here. */
export function targetOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const hash = url.indexOf("#", start);
  return url.slice(start, hash < 0 ? undefined : hash);
}

/** The content of a Web `Request` as it comes. Where it breaks off, it is the client that has. */
export function webContent(body: ReadableStream<Uint8Array>): Readable {
  return Readable.from(chunksOf(body), { objectMode: false });
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new FederationError("abandoned", undefined, { cause });
  }
}

/** A Web `Response` of a response. */
export function toResponse({ status, fields, content }: BufferedResponse): Response {
  const body = hasNoBody(status) ? null : new Uint8Array(content);
  return new Response(body, { status, headers: headersOf(fields) });
}

/** Some statuses have no content, not even an empty one. */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/** The response of a Web `Response`, however long it is. */
export async function readResponse(response: Response): Promise<BufferedResponse> {
  return {
    status: response.status,
    // How much content there is, is said when it is sent.
    fields: [...response.headers].filter(([name]) => name !== "content-length").flat(),
    content: await readBody(response, { maxBodyBytes: Number.POSITIVE_INFINITY, tooLarge }),
  };
}
