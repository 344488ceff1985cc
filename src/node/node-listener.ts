import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handler } from "../core/index.js";
import { connectionOf, sendWebResponse, targetOf, toWebRequest } from "../http/index.js";

/** Options of {@link nodeListener}. */
export interface NodeListenerOptions {
  /**
   * The origin in the URL of the requests that the handler gets. Default: `http://localhost`, since what a client
   * writes in the Host field is not to be trusted; the handlers of this package do not look at it.
   */
  readonly origin?: string | undefined;
}

/** Takes requests of `node:http`, and of frameworks that are built on it. */
export type NodeListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error: unknown) => void,
) => void;

/**
 * Mounts a handler on `node:http` and on what is built on it.
 *
 * ```ts
 * const listener = nodeListener(scim);
 * createServer(listener).listen(8080);
 * express().use("/scim/v2", listener);
 * fastify.addHook("onRequest", (request, reply, done) => {
 *   if (!/^\/scim\/v2(?:[/?]|$)/.test(request.url)) return done();
 *   reply.hijack();
 *   listener(request.raw, reply.raw);
 * });
 * ```
 *
 * A body that a framework has already read is taken from `request.body`, where Express leaves it; if it is not there,
 * the error says so. The response to TRACE is 501, that to several Host lines 400, and that of a handler that
 * rejects 500; or the error is passed to `next`, where there is one.
 */
export function nodeListener(handler: Handler, options: NodeListenerOptions = {}): NodeListener {
  const { origin = "http://localhost" } = options;
  return (request, response, next) => {
    respond(handler, origin, request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else if (next !== undefined) next(error);
      else response.writeHead(500).end();
    });
  };
}

/** Methods that no Web `Request` has. */
const impossible: ReadonlySet<string | undefined> = new Set(["CONNECT", "TRACE", "TRACK"]);

function hostLines({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host").length;
}

async function respond(
  handler: Handler,
  origin: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (impossible.has(request.method)) {
    // RFC 9110 §15.6.2: a method that is implemented for no resource.
    response.writeHead(501).end();
    return;
  }
  // RFC 9112 §3.2: it cannot be known which of them is meant.
  if (hostLines(request) > 1) {
    response.writeHead(400).end();
    return;
  }
  const target = targetOf(request);
  const web = await toWebRequest(request, response, { origin, target });
  await sendWebResponse(response, await handler(web, connectionOf(request, target)));
}
