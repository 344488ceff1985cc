import { Readable } from "node:stream";
import type { FederationServer } from "../../repositories/index.js";
import { FederationError } from "../errors.js";
import type { Federation } from "../federate.js";
import { fieldValue } from "../message/field-lines.js";
import { contentLength, nodeRequest, readNodeContent } from "../message/node.js";
import { NodeContent } from "../message/node-content.js";
import {
  assertOneHost,
  type BufferedResponse,
  belowBase,
  EventRequest,
} from "../message/request.js";
import { targetOf, toResponse, webContent } from "../message/web.js";
import {
  apiErrorResponse,
  type ErrorResponse,
  errorResponseOf,
} from "../rewrite/error-response.js";
import {
  FieldAllowList,
  passThroughRequestFields,
  passThroughResponseFields,
} from "../rewrite/field-allow-list.js";
import { type ProxyField, TrustedProxies } from "../rewrite/forwarded.js";
import { LoopGuard, type LoopGuardOptions } from "../rewrite/loop-guard.js";
import type { ContentDeadline } from "../transport/content-deadline.js";
import type { OutgoingRequest } from "../transport/forward-attempt.js";
import { Forwarder, type ForwarderOptions } from "../transport/forwarder.js";
import type { ResponseSink } from "../transport/server-exchange.js";
import { NodeSink } from "./node-sink.js";
import { WebSink } from "./web-sink.js";

/** Options of {@link passThrough}. */
export interface PassThroughOptions extends ForwarderOptions, Omit<LoopGuardOptions, "now"> {
  /**
   * The servers for a request, of which the first that can be reached gets it: their identifiers, or what chooses them.
   */
  readonly to: readonly string[] | ((request: EventRequest) => readonly string[]);
  /** Where the API begins on this side; taken away from the path. Default: at the root. */
  readonly basePath?: string | undefined;
  /** The proxies in front of this side, as networks in CIDR notation: their word is taken for who the client is. */
  readonly trustedProxies?: readonly string[] | undefined;
  /**
   * The field that all of them write; the other one is not looked at. A proxy must add to it what it sees, and not
   * leave it as a client has sent it. Default: `x-forwarded-for`.
   */
  readonly proxyField?: ProxyField | undefined;
  /** Fields of requests that servers get besides those that they get anyway, such as `authorization`. */
  readonly requestFields?: readonly string[] | undefined;
  /** Fields of responses that clients get besides those that they get anyway, such as `set-cookie`. */
  readonly responseFields?: readonly string[] | undefined;
  /** Does not send the address of the client to the servers. Default: Forwarded and X-Forwarded-For do. */
  readonly isAnonymous?: boolean | undefined;
  /** Makes the response of a failure. Default: privacyIDEA's shape. */
  readonly errorResponse?: ErrorResponse | undefined;
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly clock?: (() => number) | undefined;
}

/** How much content is read before it is sent on, in bytes. What is larger is sent as it comes. */
const collectedContent = 65_536;

/**
 * Passes every request on to a server of any HTTP API, and its response back, without looking into them: content and
 * responses flow as they come, and no slower than the other side takes them.
 *
 * Responses come back with the status that they have, redirects included; none is followed.
 */
export function passThrough(options: PassThroughOptions): Federation {
  const basePath = (options.basePath ?? "").replace(/\/$/, "");
  const { errorResponse = apiErrorResponse, clock = Date.now } = options;
  const proxies = new TrustedProxies(options.trustedProxies, options.proxyField);
  const guard = new LoopGuard({ ...options, now: clock });
  const forwarder = new Forwarder(options);
  const requestFields = new FieldAllowList([
    ...passThroughRequestFields,
    ...(options.requestFields ?? []),
  ]);
  const responseFields = new FieldAllowList([
    ...passThroughResponseFields,
    ...(options.responseFields ?? []),
  ]);
  const { to } = options;

  const prepare = (request: EventRequest, content: Uint8Array | Readable | undefined) => {
    const fields = requestFields.filter(request.fields);
    if (options.isAnonymous !== true) fields.push(...proxies.fieldsOf(request));
    fields.push(...guard.fields(request));
    const length = fieldValue(request.fields, "content-length");
    if (content instanceof Readable && length !== undefined) fields.push("content-length", length);
    const target = request.query === "" ? request.path : `${request.path}?${request.query}`;
    const outgoing: OutgoingRequest = {
      method: request.method,
      target,
      fields,
      ...(content === undefined ? {} : { content }),
    };
    return (_server: FederationServer): OutgoingRequest => outgoing;
  };
  const forward = (
    request: EventRequest,
    content: Uint8Array | Readable | undefined,
    sink: ResponseSink,
  ): void => {
    guard.enter(request);
    forwarder.stream(serversOf(request), prepare(request, content), sink, {
      signal: request.signal,
    });
  };
  const serversOf = (request: EventRequest): readonly string[] =>
    typeof to === "function" ? to(request) : to;
  const deadlineOf = (request: EventRequest): ContentDeadline =>
    forwarder.deadlineFor(() => serversOf(request));
  const failure = (error: unknown): BufferedResponse => {
    if (!(error instanceof FederationError)) throw error;
    return errorResponseOf(error, errorResponse, clock(), guard.id);
  };

  return {
    forwarder,
    ignored: [],
    handler: async (request, connection) => {
      const sink = new WebSink(responseFields);
      try {
        const read = new EventRequest({
          method: request.method,
          target: belowBase(targetOf(request.url), basePath),
          fields: [...request.headers].flat(),
          content: nothing,
          remoteAddress: connection?.remoteAddress,
          isSecure: request.url.startsWith("https:"),
          signal: request.signal,
        });
        const content = request.body === null ? undefined : webContent(request.body);
        forward(read, content, sink);
        return await sink.response;
      } catch (error) {
        return toResponse(failure(error));
      }
    },
    listener: (request, response) => {
      const sink = new NodeSink(response, responseFields, failure);
      try {
        assertOneHost(request.rawHeaders);
        const read = nodeRequest(request, basePath);
        const length = contentLength(request);
        if (length === 0) forward(read, undefined, sink);
        else if (length > collectedContent) forward(read, new NodeContent(request), sink);
        else {
          // What is small is read before, since that is cheaper.
          readNodeContent(request, length, deadlineOf(read))
            .then((content) => forward(read, content, sink))
            .catch((error: unknown) => sink.end(error));
        }
      } catch (error) {
        sink.end(error);
      }
    },
    [Symbol.asyncDispose]: () => forwarder.close(),
  };
}

const nothing: Uint8Array = new Uint8Array();
