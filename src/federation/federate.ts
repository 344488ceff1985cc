import { createPrivateKey } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type ConnectionInfo, type Handler, InvalidValueError } from "../core/index.js";
import { sendWebResponse } from "../http/index.js";
import { outageEvents } from "./channels.js";
import { FederationError } from "./errors.js";
import { handlerRequest, readNodeRequest, sendNodeResponse } from "./message/node.js";
import { contentKind } from "./message/parameters.js";
import {
  assertOneHost,
  assertOriginForm,
  type BufferedResponse,
  type EventRequest,
  withoutBase,
} from "./message/request.js";
import { readResponse, readWebRequest, targetOf, toResponse } from "./message/web.js";
import { withoutNullDetail } from "./rewrite/api-response.js";
import { clientOf } from "./rewrite/client.js";
import {
  apiErrorResponse,
  type ErrorResponse,
  errorResponseOf,
  withProxyStatus,
} from "./rewrite/error-response.js";
import { type ProxyField, TrustedProxies } from "./rewrite/forwarded.js";
import { LoopGuard, type LoopGuardOptions } from "./rewrite/loop-guard.js";
import type { ConditionSource } from "./rules/condition-source.js";
import { type IgnoredRule, ignoredRules, readEventRules } from "./rules/definition.js";
import type { EventHandler } from "./rules/event-handler.js";
import { type EventOf, eventsOf, type PathParametersOf, pathParametersOf } from "./rules/events.js";
import { assertPlainSubject } from "./rules/facts.js";
import {
  FederationEventHandler,
  type FederationEventHandlerOptions,
} from "./rules/federation-event-handler.js";
import { EventPipeline, type Outcomes } from "./rules/pipeline.js";
import type { ContentDeadline } from "./transport/content-deadline.js";
import { Forwarder, type ForwarderOptions } from "./transport/forwarder.js";

/** Options of {@link federate}. */
export interface FederateOptions
  extends ForwarderOptions,
    Omit<LoopGuardOptions, "now">,
    Pick<
      FederationEventHandlerOptions,
      "requestFields" | "responseFields" | "isPolicyParameter" | "responseKey" | "defaultRealm"
    > {
  /** The rules, as {@link readEventRules} reads them: privacyIDEA's definitions of event handlers, in its JSON. */
  readonly rules: unknown;
  /** Event handlers of one's own that rules may mean, besides {@link FederationEventHandler}. */
  readonly handlers?: readonly EventHandler[] | undefined;
  /** What the host knows of its tokens, users and containers, for the conditions that are about them. */
  readonly conditions?: ConditionSource | undefined;
  /** Says which event a request is. Default: {@link eventsOf} with privacyIDEA's API. */
  readonly eventOf?: EventOf | undefined;
  /**
   * Says which parameters are in the path of a request. Default: {@link pathParametersOf}, where `eventOf` has its
   * default; else none.
   */
  readonly pathParametersOf?: PathParametersOf | undefined;
  /** Where the API begins on this side, such as `/privacyidea`. Default: at the root. */
  readonly basePath?: string | undefined;
  /** The proxies in front of this side, as networks in CIDR notation: their word is taken for who the client is. */
  readonly trustedProxies?: readonly string[] | undefined;
  /**
   * The field that all of them write; the other one is not looked at. A proxy must add to it what it sees, and not
   * leave it as a client has sent it. Default: `x-forwarded-for`.
   */
  readonly proxyField?: ProxyField | undefined;
  /**
   * The longest body of a request for which there are rules, in bytes. Default: 1,048,576. All others go through piece
   * by piece, whatever their length.
   */
  readonly maxBodyBytes?: number | undefined;
  /** Makes the response of a failure. Default: privacyIDEA's shape. */
  readonly errorResponse?: ErrorResponse | undefined;
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly clock?: (() => number) | undefined;
}

/** A handler with rules around it. It keeps connections open, which end when it is disposed of. */
export interface Federation extends AsyncDisposable {
  /** The handler, for anything that takes Web requests. */
  readonly handler: Handler;
  /** The same for `node:http`. It makes Web requests only where the host's own handler is asked. */
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
  /** What sends the requests. */
  readonly forwarder: Forwarder;
  /** The definitions of rules that are ignored, and why; none for {@link passThrough}. */
  readonly ignored: readonly IgnoredRule[];
}

/**
 * Puts rules around a handler: requests that they are for are passed on to other servers, before the handler is asked
 * or after it has responded. All other requests go to the handler as they are.
 *
 * A request for which there are rules is read whole, as is the handler's response to it.
 *
 * @throws {DefinitionError} the rules are none, with every problem.
 * @throws {InvalidValueError} `maxBodyBytes` is no limit.
 */
export function federate(handler: Handler, options: FederateOptions): Federation {
  const basePath = (options.basePath ?? "").replace(/\/$/, "");
  const { maxBodyBytes = 1_048_576, errorResponse = apiErrorResponse } = options;
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 1) {
    throw new InvalidValueError("maxBodyBytes", "a limit is a whole number from 1.");
  }
  const clock = options.clock ?? Date.now;
  const eventOf = options.eventOf ?? eventsOf();
  const parametersOf =
    options.pathParametersOf ?? (options.eventOf === undefined ? pathParametersOf() : noParameters);
  const proxies = new TrustedProxies(options.trustedProxies, options.proxyField);
  const guard = new LoopGuard({ ...options, now: clock });
  const forwarder = new Forwarder(options);
  const outages = outageEvents();
  const { responseKey } = options;
  const signingKey = responseKey === undefined ? undefined : createPrivateKey(responseKey);
  const handlers = [
    new FederationEventHandler({ ...options, forwarder, guard, proxies }),
    ...(options.handlers ?? []),
  ];
  const rules = readEventRules(options.rules, handlers);
  const { defaultRealm } = options;
  const pipeline = new EventPipeline({
    rules,
    ...(defaultRealm === undefined ? {} : { defaultRealm }),
    handlers,
    clientOf: (request) => clientOf(request, proxies),
    now: clock,
    ...(options.conditions === undefined ? {} : { conditions: options.conditions }),
  });

  /** The servers that a request may go to, as far as it is known before it is read. */
  const serversOf = (event: string): readonly string[] =>
    rules
      .filter((rule) => rule.event.includes(event))
      .flatMap(({ options: { privacyIDEA = [] } }) => privacyIDEA);
  const deadlines = new Map<string, ContentDeadline>();
  const deadlineFor = (event: string): ContentDeadline => {
    const known = deadlines.get(event);
    if (known !== undefined) return known;
    const deadline = forwarder.deadlineFor(() => serversOf(event));
    deadlines.set(event, deadline);
    return deadline;
  };

  const watchedEvent = (method: string, target: string): string | undefined => {
    const mark = target.indexOf("?");
    for (const path of readingsOf(mark < 0 ? target : target.slice(0, mark))) {
      const below = withoutBase(path, basePath);
      const event = below === undefined ? undefined : eventOf(method, below);
      if (event !== undefined && pipeline.isWatched(event)) return event;
    }
    return undefined;
  };
  const failure = (error: FederationError): BufferedResponse =>
    errorResponseOf(error, errorResponse, clock(), guard.id);
  /** Runs the rules, and makes a response of whatever comes of it. */
  const responseTo = async (
    event: string,
    read: Promise<EventRequest>,
    local: (request: EventRequest) => Promise<BufferedResponse>,
  ): Promise<BufferedResponse> => {
    try {
      const whole = await read;
      const inPath = parametersOf(whole.method, readingsOf(whole.path)[0] ?? "");
      const request = inPath.size === 0 ? whole : whole.withPathParameters(inPath);
      // A request that was here before is not to count as another attempt to log in.
      guard.enter(request);
      // A request that can be read in two ways, or by others only, is refused before any server acts on it.
      if (contentKind(request) === "other") throw new FederationError("unsupported_content");
      assertPlainSubject(request);
      return reported(event, await pipeline.run(event, request, () => local(request)));
    } catch (error) {
      if (!(error instanceof FederationError)) throw error;
      return failure(error);
    }
  };
  /** The local response, with the failure in spite of which it is that. */
  const reported = (event: string, outcomes: Outcomes): BufferedResponse => {
    const { outage } = outcomes;
    const response = withoutNullDetail(outcomes.response, signingKey);
    if (outage === undefined) return response;
    outages.publish(() => ({
      event,
      reason: outage.reason,
      ...(outage.server === undefined ? {} : { server: outage.server }),
    }));
    return withProxyStatus(response, guard.id, outage);
  };

  return {
    forwarder,
    ignored: ignoredRules(options.rules, handlers),
    handler: async (request, connection) => {
      const event = watchedEvent(request.method, targetOf(request.url));
      if (event === undefined) return await handler(request, connection);
      const read = readWebRequest(request, connection, basePath, maxBodyBytes, deadlineFor(event));
      return toResponse(await responseTo(event, read, () => ask(handler, request, connection)));
    },
    listener: (request, response) => {
      try {
        assertOriginForm(request.url ?? "");
        assertOneHost(request.rawHeaders);
      } catch (error) {
        if (!(error instanceof FederationError)) throw error;
        sendNodeResponse(response, failure(error));
        return;
      }
      const event = watchedEvent(request.method ?? "", request.url ?? "");
      const done =
        event === undefined
          ? passOn(handler, request, response)
          : responseTo(
              event,
              readNodeRequest(request, basePath, maxBodyBytes, deadlineFor(event)),
              async (read) => {
                const web = await handlerRequest(request, response, read.content);
                return await ask(handler, web.request, web.connection);
              },
            ).then((one) => sendNodeResponse(response, one));
      done.catch((error: unknown) => {
        const canRespond = error instanceof FederationError && !response.headersSent;
        if (canRespond) sendNodeResponse(response, failure(error));
        else failNodeRequest(response);
      });
    },
    [Symbol.asyncDispose]: () => forwarder.close(),
  };
}

/**
 * What a path may be taken for: with its escapes undone, but for those of slashes, and with those as well. Which of
 * them the host's own handler does, and which a server, is not known here; no rule is to be passed by because of it.
 */
function readingsOf(path: string): readonly string[] {
  if (!path.includes("%")) return [path];
  const decoded = path.replace(/(?:%[\da-f]{2})+/gi, (encoded) => {
    // Slashes and control characters stay encoded.
    const kept = encoded.replace(/%(?=2f|[01][\da-f]|7f)/gi, "%25");
    try {
      return decodeURIComponent(kept);
    } catch {
      return kept.replace(/%([2-7][\da-f])/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
    }
  });
  return [decoded, decoded.replace(/%2f/gi, "/")];
}

const noParameters: PathParametersOf = () => new Map();

/** The response of the host's own handler, whole. */
async function ask(
  handler: Handler,
  request: Request,
  connection: ConnectionInfo | undefined,
): Promise<BufferedResponse> {
  return await readResponse(await handler(request, connection));
}

/** Lets the host's own handler respond; both bodies are streamed. */
async function passOn(
  handler: Handler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const web = await handlerRequest(request, response);
  await sendWebResponse(response, await handler(web.request, web.connection));
}

/** The host's own handler has thrown. */
function failNodeRequest(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500).end();
}
