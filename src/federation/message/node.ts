import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionInfo } from "../../core/index.js";
import { type BodyDeadline, connectionOf, readNodeBody, toWebRequest } from "../../http/index.js";
import { FederationError } from "../errors.js";
import { fieldValue } from "./field-lines.js";
import {
  type BufferedResponse,
  belowBase,
  type ClientSignal,
  EventRequest,
  tooLarge,
} from "./request.js";

/**
 * A request of `node:http`.
 *
 * @param basePath where the API begins on this side; taken away from the path.
 * @param content the whole content, as far as it is to be read.
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
  maxBodyBytes: number,
  deadline: BodyDeadline,
): Promise<EventRequest> {
  const content =
    contentLength(request) > 0 ? await readNodeContent(request, maxBodyBytes, deadline) : nothing;
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
 * How much content a request has, in bytes, as its field lines say (RFC 9112 §6); of chunks it is not known, and
 * infinite.
 *
 * It looks at the lines themselves, since node:http makes an object of all of them when it is first asked for its
 * `headers`.
 */
export function contentLength({ rawHeaders }: IncomingMessage): number {
  if (fieldValue(rawHeaders, "transfer-encoding") !== undefined) return Number.POSITIVE_INFINITY;
  return Number(fieldValue(rawHeaders, "content-length") ?? 0);
}

/** The whole content of a request. @throws {FederationError} it is too large or late, or the client is gone. */
export function readNodeContent(
  request: IncomingMessage,
  maxBodyBytes: number,
  deadline: BodyDeadline,
): Promise<Uint8Array> {
  const length = contentLength(request);
  return readNodeBody(
    request,
    length === Number.POSITIVE_INFINITY ? undefined : length,
    { maxBodyBytes, tooLarge, deadline },
    () => new FederationError("abandoned"),
  );
}

/** Sends a response. */
export function sendNodeResponse(
  response: ServerResponse,
  { status, fields, content }: BufferedResponse,
): void {
  if (response.destroyed) return;
  const lines =
    content.length === 0 ? [...fields] : [...fields, "content-length", `${content.length}`];
  // The rest of what came too late is not waited for (RFC 9110 §15.5.9).
  if (status === 408) lines.push("connection", "close");
  response.writeHead(status, lines);
  endWith(response, Buffer.from(content.buffer, content.byteOffset, content.length));
}

/** Up to which size content is sent together with the head, in bytes. */
const smallContent = 16_384;

/**
 * Ends a response with its content. Head and small content go out as one text, which costs node:http a good deal less
 * than two pieces.
 */
export function endWith(response: ServerResponse, content: Buffer): void {
  if (content.length > smallContent) response.end(content);
  else response.end(content.toString("latin1"), "latin1");
}

/**
 * A Web `Request` of a request of `node:http`, for a handler; with the content that was read, or as it comes.
 *
 * @throws {FederationError} the Host field is none, or there can be no Web request with this method.
 */
export async function handlerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  content?: Uint8Array,
): Promise<{ readonly request: Request; readonly connection: ConnectionInfo }> {
  const { url: target = "/", method, headers } = request;
  const { host = "localhost" } = headers;
  if (!hostPattern.test(host)) throw new FederationError("bad_host");
  if (method === "TRACE") throw new FederationError("method_not_allowed", method);
  const origin = `${isSecure(request) ? "https" : "http"}://${host}`;
  return {
    request: await toWebRequest(request, response, { origin, target, content }),
    connection: connectionOf(request, target),
  };
}

/** A Host field (RFC 9112 §3.2): a name or an address, and a port. */
const hostPattern = /^(?:[\w.~!$&'()*+,;=-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

function isSecure({ socket }: IncomingMessage): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}
