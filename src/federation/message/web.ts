import { Readable } from "node:stream";
import type { ConnectionInfo } from "../../core/index.js";
import { FederationError } from "../errors.js";
import type { FieldAllowList } from "../rewrite/field-allow-list.js";
import type { Patience } from "../transport/content-deadline.js";
import type { AnswerSink, Flow } from "../transport/server-exchange.js";
import { type FieldLines, fieldValue } from "./field-lines.js";
import { type Answer, belowBase, EventRequest } from "./request.js";

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
  patience: Patience,
): Promise<EventRequest> {
  const content = await readContent(request.clone(), maxSize, patience);
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

/** A Web `Response` of an answer. */
export function toResponse({ status, fields, content }: Answer): Response {
  const body = hasNoBody(status) ? null : new Uint8Array(content);
  return new Response(body, { status, headers: headersOf(fields) });
}

/** Makes a Web `Response` of an answer as it comes, and no faster than it is read. */
export class WebSink implements AnswerSink {
  /** The response, as soon as the answer has begun. Rejects if there is none. */
  readonly response: Promise<Response>;
  readonly #allowed: FieldAllowList;
  #begin: (response: Response) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  #flow: Flow | undefined;

  constructor(allowed: FieldAllowList) {
    this.#allowed = allowed;
    this.response = new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#fail = reject;
    });
  }

  start(status: number, fields: FieldLines, flow: Flow): void {
    this.#flow = flow;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
      pull: () => flow.resume(),
      cancel: () => flow.abandon(),
    });
    const lines = this.#allowed.filter(fields);
    const length = fieldValue(fields, "content-length");
    if (length !== undefined) lines.push("content-length", length);
    const headers = headersOf(lines);
    this.#begin(new Response(hasNoBody(status) ? null : body, { status, headers }));
  }

  data(chunk: Buffer): void {
    this.#body?.enqueue(chunk);
    if ((this.#body?.desiredSize ?? 1) <= 0) this.#flow?.pause();
  }

  end(error?: unknown): void {
    if (error === undefined) {
      this.#body?.close();
    } else {
      // One of the two: there is no body before the answer has begun.
      this.#fail(error);
      this.#body?.error(error);
    }
  }
}

/** Some statuses have no content, not even an empty one. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function headersOf(fields: FieldLines): Headers {
  const headers = new Headers();
  for (let at = 0; at < fields.length; at += 2) {
    headers.append(fields[at] ?? "", fields[at + 1] ?? "");
  }
  return headers;
}

/** The answer of a Web `Response`. */
export async function readResponse(response: Response, maxSize: number): Promise<Answer> {
  return {
    status: response.status,
    // How much content there is, is said when it is sent.
    fields: [...response.headers].filter(([name]) => name !== "content-length").flat(),
    content: await readContent(response, maxSize),
  };
}

async function readContent(
  message: Request | Response,
  maxSize: number,
  patience?: Patience,
): Promise<Uint8Array> {
  if (message.body === null) return new Uint8Array();
  const reader = message.body.getReader();
  const refuse = (): never => {
    // A copy is cancelled only when its original is as well: nobody waits for that.
    void reader.cancel();
    throw new FederationError("content_too_large");
  };
  if (Number(message.headers.get("content-length") ?? 0) > maxSize) refuse();
  let isLate = false;
  const waiting = patience?.begin(() => {
    isLate = true;
    void reader.cancel();
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      // What is cancelled ends.
      const { done, value } = await reader.read();
      if (isLate) throw new FederationError("content_timeout");
      if (done) return Buffer.concat(chunks, size);
      waiting?.moved();
      size += value.length;
      if (size > maxSize) refuse();
      chunks.push(value);
    }
  } finally {
    waiting?.end();
  }
}
