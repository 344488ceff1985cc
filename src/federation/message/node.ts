import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ConnectionInfo } from "../../core/index.js";
import { FederationError } from "../errors.js";
import type { FieldAllowList } from "../rewrite/field-allow-list.js";
import type { Patience } from "../transport/content-deadline.js";
import type { AnswerSink, Flow } from "../transport/server-exchange.js";
import { type FieldLines, fieldValue } from "./field-lines.js";
import { type Answer, belowBase, type ClientSignal, EventRequest } from "./request.js";

/**
 * A request of `node:http`.
 *
 * @param basePath where the API begins on this side; taken away from the path.
 * @param content the whole content, as far as anybody is to look at it.
 * @throws {FederationError} it cannot be passed on.
 */
export function nodeRequest(
  request: IncomingMessage,
  basePath: string,
  content: Uint8Array = nothing,
): EventRequest {
  const { socket } = request;
  return new EventRequest({
    method: request.method ?? "",
    target: belowBase(request.url ?? "", basePath),
    fields: request.rawHeaders,
    content,
    remoteAddress: socket.remoteAddress,
    isSecure: isSecure(request),
    signal: new ConnectionSignal(socket),
  });
}

/**
 * Reads a request of `node:http` with its whole content.
 *
 * @param basePath where the API begins on this side; taken away from the path.
 * @throws {FederationError}
 */
export async function readNodeRequest(
  request: IncomingMessage,
  basePath: string,
  maxSize: number,
  patience: Patience,
): Promise<EventRequest> {
  const content =
    contentLength(request) > 0 ? await readNodeContent(request, maxSize, patience) : nothing;
  return nodeRequest(request, basePath, content);
}

const nothing: Uint8Array = new Uint8Array();

/** A client is gone when its connection is. */
class ConnectionSignal implements ClientSignal {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get aborted(): boolean {
    return this.#socket.destroyed;
  }
}

/**
 * How much content a request has, in bytes, as its field lines say (RFC 9112 §6); of chunks it is not known, and infinite.
 *
 * It looks at the lines themselves, since node:http makes an object of all of them when it is first asked for its `headers`.
 */
export function contentLength({ rawHeaders }: IncomingMessage): number {
  if (fieldValue(rawHeaders, "transfer-encoding") !== undefined) return Number.POSITIVE_INFINITY;
  return Number(fieldValue(rawHeaders, "content-length") ?? 0);
}

/** The whole content of a request. @throws {FederationError} it is too large or late, or the client is gone. */
export function readNodeContent(
  request: IncomingMessage,
  maxSize: number,
  patience: Patience,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const refuse = (reason: "content_too_large" | "content_timeout"): void => {
      // What is left of it is read and forgotten, so that the answer arrives.
      request.removeAllListeners("data").resume();
      reject(new FederationError(reason));
    };
    const length = contentLength(request);
    if (length !== Number.POSITIVE_INFINITY && length > maxSize) {
      refuse("content_too_large");
      return;
    }
    const waiting = patience.begin(() => refuse("content_timeout"));
    request.on("data", (chunk: Buffer) => {
      waiting.moved();
      size += chunk.length;
      if (size <= maxSize) chunks.push(chunk);
      else {
        waiting.end();
        refuse("content_too_large");
      }
    });
    request.once("end", () => {
      waiting.end();
      const [first] = chunks;
      resolve(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, size));
    });
    request.once("error", () => {
      waiting.end();
      reject(new FederationError("abandoned"));
    });
  });
}

/** Sends an answer. */
export function answerNodeRequest(
  response: ServerResponse,
  { status, fields, content }: Answer,
): void {
  if (response.destroyed) return;
  const lines =
    content.length === 0 ? [...fields] : [...fields, "content-length", `${content.length}`];
  // Nobody waits for the rest of what came too late (RFC 9110 §15.5.9).
  if (status === 408) lines.push("connection", "close");
  response.writeHead(status, lines);
  endWith(response, Buffer.from(content.buffer, content.byteOffset, content.length));
}

/** Up to which size content is sent together with the head, in bytes. */
const smallContent = 16_384;

/** Ends a response. Head and small content go out as one text, which costs node:http a good deal less than two pieces. */
function endWith(response: ServerResponse, content: Buffer): void {
  if (content.length > smallContent) response.end(content);
  else response.end(content.toString("latin1"), "latin1");
}

/** Writes an answer to a response of `node:http` as it comes, and no faster than the client takes it. */
export class NodeSink implements AnswerSink {
  readonly #response: ServerResponse;
  readonly #allowed: FieldAllowList;
  readonly #failure: (error: unknown) => Answer;
  #flow: Flow | undefined;
  #missing: number | undefined;

  /** @param failure makes the answer where there is none. */
  constructor(
    response: ServerResponse,
    allowed: FieldAllowList,
    failure: (error: unknown) => Answer,
  ) {
    this.#response = response;
    this.#allowed = allowed;
    this.#failure = failure;
  }

  start(status: number, fields: FieldLines, flow: Flow): void {
    const lines = this.#allowed.filter(fields);
    const length = fieldValue(fields, "content-length");
    if (length !== undefined) {
      lines.push("content-length", length);
      this.#missing = Number(length);
    }
    this.#flow = flow;
    this.#response.writeHead(status, lines);
  }

  data(chunk: Buffer): void {
    if (this.#missing !== undefined) this.#missing -= chunk.length;
    if (this.#missing === 0) endWith(this.#response, chunk);
    else if (!this.#response.write(chunk)) {
      this.#flow?.pause();
      this.#response.once("drain", () => this.#flow?.resume());
    }
  }

  end(error?: unknown): void {
    if (error === undefined) {
      if (!this.#response.writableEnded) this.#response.end();
    } else if (this.#response.headersSent) {
      // An answer that has begun can only be cut off, so that nobody takes it for whole.
      this.#response.destroy();
    } else {
      try {
        answerNodeRequest(this.#response, this.#failure(error));
      } catch {
        // Something that nobody foresaw is not for the client.
        this.#response.destroy();
      }
    }
  }
}

/**
 * A Web `Request` of a request of `node:http`, for a handler; with the content that was read, or as it comes. Its signal is aborted when
 * the client goes away before it has the response.
 *
 * @throws {FederationError} the Host field is none.
 */
export function toWebRequest(
  request: IncomingMessage,
  response: ServerResponse,
  content: Uint8Array | Readable,
): { readonly request: Request; readonly connection: ConnectionInfo } {
  const { host = "localhost" } = request.headers;
  if (!hostPattern.test(host)) throw new FederationError("bad_host");
  const url = new URL(request.url ?? "/", `${isSecure(request) ? "https" : "http"}://${host}`);
  const headers = new Headers();
  const { rawHeaders } = request;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  }
  const abort = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) abort.abort();
  });
  const method = request.method ?? "GET";
  // Nobody can make a Web request of it.
  if (method === "TRACE") throw new FederationError("method_not_allowed", method);
  const mayHaveBody = method !== "GET" && method !== "HEAD";
  const body = () =>
    content instanceof Readable ? Readable.toWeb(content) : new Uint8Array(content);
  const { remoteAddress } = request.socket;
  return {
    request: new Request(url, {
      method,
      headers,
      signal: abort.signal,
      ...(mayHaveBody ? { body: body() as NonNullable<RequestInit["body"]>, duplex: "half" } : {}),
    }),
    connection: remoteAddress === undefined ? {} : { remoteAddress },
  };
}

/** A Host field (RFC 9112 §3.2): a name or an address, and a port. */
const hostPattern = /^(?:[\w.~!$&'()*+,;=-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

/** Sends a Web `Response`, as it comes. */
export async function sendWebResponse(response: ServerResponse, answer: Response): Promise<void> {
  response.writeHead(answer.status, [...answer.headers].flat());
  if (answer.body === null) response.end();
  else await pipeline(Readable.fromWeb(answer.body as never), response);
}

function isSecure({ socket }: IncomingMessage): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}
