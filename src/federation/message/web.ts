import type { ConnectionInfo } from "../../core/index.js";
import { FederationError } from "../errors.js";
import { Abandonment, type Answer, EventRequest } from "./request.js";

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
  maxSize: number,
): Promise<EventRequest> {
  const content = await readContent(request.clone(), maxSize);
  const abandonment = new Abandonment();
  if (request.signal.aborted) abandonment.declare();
  else request.signal.addEventListener("abort", () => abandonment.declare(), { once: true });
  return new EventRequest({
    method: request.method,
    target: targetOf(request.url, basePath),
    fields: [...request.headers].flat(),
    content,
    remoteAddress: connection?.remoteAddress,
    isSecure: request.url.startsWith("https:"),
    abandonment,
  });
}

/** The request target in origin form, of a URL whose origin is of no matter here. */
export function targetOf(url: string, basePath: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const hash = url.indexOf("#", start);
  const target = url.slice(start, hash < 0 ? undefined : hash);
  return target.startsWith(basePath) ? target.slice(basePath.length) : target;
}

/** A Web `Response` of an answer. */
export function toResponse({ status, fields, content }: Answer): Response {
  const headers = new Headers();
  for (let at = 0; at < fields.length; at += 2) {
    headers.append(fields[at] ?? "", fields[at + 1] ?? "");
  }
  // Some statuses have no content, not even an empty one.
  const body = [204, 205, 304].includes(status) ? null : new Uint8Array(content);
  return new Response(body, { status, headers });
}

/** The answer of a Web `Response`. */
export async function readResponse(response: Response, maxSize: number): Promise<Answer> {
  return {
    status: response.status,
    fields: [...response.headers].flat(),
    content: await readContent(response, maxSize),
  };
}

async function readContent(message: Request | Response, maxSize: number): Promise<Uint8Array> {
  if (message.body === null) return new Uint8Array();
  if (Number(message.headers.get("content-length") ?? 0) > maxSize) {
    await message.body.cancel();
    throw new FederationError("content_too_large");
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message.body) {
    size += chunk.length;
    if (size > maxSize) throw new FederationError("content_too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
