import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import type { FederationServer } from "../../repositories/index.js";
import { FederationError } from "../errors.js";
import { fieldValue } from "../message/field-lines.js";
import { isOfDefaultRealm } from "../message/named-user.js";
import { textParameter } from "../message/parameters.js";
import type { BufferedResponse, EventRequest } from "../message/request.js";
import {
  type ApiResponse,
  readApiResponse,
  reportedOrigin,
  withOrigin,
} from "../rewrite/api-response.js";
import { clientOf } from "../rewrite/client.js";
import {
  eventRequestFields,
  eventResponseFields,
  FieldAllowList,
} from "../rewrite/field-allow-list.js";
import type { TrustedProxies } from "../rewrite/forwarded.js";
import type { LoopGuard } from "../rewrite/loop-guard.js";
import { rewriteParameters } from "../rewrite/parameters.js";
import { signResponse, verifyResponse } from "../rewrite/response-signature.js";
import type { ForwardedResponse } from "../transport/collector.js";
import type { OutgoingRequest } from "../transport/forward-attempt.js";
import type { Forwarder } from "../transport/forwarder.js";
import { type ActionContext, type ActionOption, EventHandler } from "./event-handler.js";

/** The actions of {@link FederationEventHandler}. */
export const ACTION_TYPE = { FORWARD: "forward" } as const;

/** Options of {@link FederationEventHandler}. */
export interface FederationEventHandlerOptions {
  /** What sends the requests to the servers. */
  readonly forwarder: Forwarder;
  /** What finds requests that run in a loop. */
  readonly guard: LoopGuard;
  /** The proxies in front of this side. */
  readonly proxies: TrustedProxies;
  /** Fields of requests that servers get besides those that they get anyway. */
  readonly requestFields?: readonly string[] | undefined;
  /** Fields of responses that clients get besides those that they get anyway. */
  readonly responseFields?: readonly string[] | undefined;
  /** Whether a parameter belongs to this side's policies, and stays here. Default: {@link isPolicyParameter}. */
  readonly isPolicyParameter?: ((name: string) => boolean) | undefined;
  /**
   * The realm of users for whom a request names none, as privacyIDEA has one: conditions decide on it, and servers are
   * sent it, unless the rule names another. Default: none, so that a server takes its own.
   */
  readonly defaultRealm?: string | undefined;
  /**
   * The RSA private key, in PEM, to sign forwarded responses with, as privacyIDEA signs its own. Default: they are not
   * signed.
   */
  readonly responseKey?: string | undefined;
}

/** Forwards requests to other privacyIDEA servers, or to anything that has the same API. */
export class FederationEventHandler extends EventHandler {
  override readonly identifier = "Federation";
  override readonly description =
    "This event handler can forward the request to other privacyIDEA servers.";
  override readonly actions: Readonly<Record<string, Readonly<Record<string, ActionOption>>>> = {
    [ACTION_TYPE.FORWARD]: forwardOptions,
  };
  readonly #options: FederationEventHandlerOptions;
  readonly #requestFields: FieldAllowList;
  readonly #responseFields: FieldAllowList;
  readonly #isPolicyParameter: (name: string) => boolean;
  readonly #responseKey: KeyObject | undefined;
  readonly #publicKeys = new WeakMap<FederationServer, KeyObject>();

  constructor(options: FederationEventHandlerOptions) {
    super();
    const { requestFields = [], responseFields = [], responseKey } = options;
    this.#options = options;
    this.#requestFields = new FieldAllowList([...eventRequestFields, ...requestFields]);
    this.#responseFields = new FieldAllowList([...eventResponseFields, ...responseFields]);
    this.#isPolicyParameter = options.isPolicyParameter ?? isPolicyParameter;
    this.#responseKey = responseKey === undefined ? undefined : createPrivateKey(responseKey);
  }

  override do(
    action: string,
    { rule, request }: ActionContext,
  ): Promise<BufferedResponse | undefined> {
    if (action !== ACTION_TYPE.FORWARD) return Promise.resolve(undefined);
    const { forwarder, guard } = this.#options;
    guard.enter(request);
    const { privacyIDEA: named = [] } = rule.options;
    const servers = typeof named === "string" ? [named] : named;
    let nonce: string | undefined;
    const prepare = (server: FederationServer): OutgoingRequest => {
      // A nonce of one's own: that of the client may have been used before.
      nonce = server.responseKey === undefined ? undefined : randomBytes(16).toString("hex");
      return this.#prepare(request, rule.options, server, nonce);
    };
    return forwarder
      .forward(servers, prepare, { signal: request.signal })
      .then((response) => this.#passBack(request, response, nonce));
  }

  #prepare(
    request: EventRequest,
    options: ActionContext["rule"]["options"],
    server: FederationServer,
    nonce: string | undefined,
  ): OutgoingRequest {
    const { guard, proxies } = this.#options;
    const set = new Map<string, string>();
    for (const name of ["realm", "resolver"]) {
      const value = options[name];
      if (typeof value === "string" && value !== "") set.set(name, value);
    }
    if (nonce !== undefined) set.set("nonce", nonce);
    const { defaultRealm } = this.#options;
    if (defaultRealm !== undefined && !set.has("realm") && isOfDefaultRealm(request)) {
      set.set("realm", defaultRealm);
    }
    const fields = this.#requestFields.filter(request.fields);
    const tellsClient = isTrue(options["client_ip"]) || isTrue(options["forward_client_ip"]);
    if (tellsClient) {
      const client = clientOf(request, proxies);
      if (client !== undefined) set.set("client", client);
      // Not X-Forwarded-For: privacyIDEA would count the hops in it, and take the proxy in front of this side for the
      // client.
      fields.push(...proxies.forwardedOf(request));
    }
    if (isTrue(options["forward_authorization_token"])) {
      const token = authorizationToken(request);
      if (token !== undefined) fields.push("pi-authorization", token);
    }
    fields.push(...guard.fields(request));
    const edits = {
      set,
      // A client may state its address only if it is one of the proxies itself, and not a client behind one.
      remove: (name: string): boolean =>
        this.#isPolicyParameter(name) ||
        (name === "client" && (tellsClient || !proxies.has(proxies.clientOf(request)))),
      decoding: decodesTwice(server, fieldValue(fields, "user-agent")) ? "twice" : "once",
    } as const;
    const { target, content, contentType } = rewriteParameters(request, edits);
    return {
      method: request.method,
      fields: contentType === undefined ? fields : withContentType(fields, contentType),
      target,
      content,
    };
  }

  #passBack(
    request: EventRequest,
    response: ForwardedResponse,
    nonce: string | undefined,
  ): BufferedResponse {
    const { server, status } = response;
    const fields = this.#responseFields.filter(response.fields);
    if (isBodiless(request, response)) {
      // Nothing in it is signed.
      if (nonce !== undefined) throw spent("bad_signature", server);
      return { status, fields, content: response.content };
    }
    const read = readApiResponse(response.fields, response.content, status === 404);
    if (read === undefined) throw spent("malformed_answer", server);
    if (nonce !== undefined) this.#assertAuthentic(read, server, nonce);
    const reported = server.reportsOrigin === true ? reportedOrigin(read) : undefined;
    const asked = textParameter(request.parameters, "nonce");
    const members = new Map<string, string>();
    if (asked !== undefined) members.set("nonce", JSON.stringify(asked));
    const text = withOrigin(read, reported ?? server.url + request.path, members);
    if (text === undefined) throw spent("malformed_answer", server);
    const written = this.#responseKey === undefined ? text : signResponse(text, this.#responseKey);
    fields.push("content-type", "application/json");
    return { status, fields, content: Buffer.from(written) };
  }

  /** @throws {FederationError} the response is not the server's, or one to another request. */
  #assertAuthentic({ text, body }: ApiResponse, server: FederationServer, nonce: string): void {
    let key = this.#publicKeys.get(server);
    if (key === undefined) {
      key = createPublicKey(server.responseKey ?? "");
      this.#publicKeys.set(server, key);
    }
    if (!verifyResponse(text, key)) throw spent("bad_signature", server);
    if (body.nonce !== nonce) throw spent("bad_nonce", server);
  }
}

const forwardOptions: Readonly<Record<string, ActionOption>> = {
  privacyIDEA: {
    type: "str",
    required: true,
    description:
      "The remote/child privacyIDEA server, or several, of which one after the other is tried.",
  },
  realm: {
    type: "str",
    description: "Change the realm name to a realm on the child privacyIDEA system.",
  },
  resolver: {
    type: "str",
    description: "Change the resolver name to a resolver on the child privacyIDEA system.",
  },
  client_ip: {
    type: "bool",
    description:
      "Forward the client IP to the child privacyIDEA server. Otherwise this server will be the client.",
  },
  forward_client_ip: { type: "bool", description: "The same as client_ip." },
  forward_authorization_token: {
    type: "bool",
    description:
      "Forward the authorization header. This allows to also forward requests like token- and system-requests.",
  },
};

/**
 * Whether a parameter is one of those that privacyIDEA's policies write into the parameters of a request. A child has
 * policies of its own.
 */
export function isPolicyParameter(name: string): boolean {
  return (
    name === "push_wait" ||
    name === "increase_failcounter_on_challenge" ||
    name.startsWith("webauthn_") ||
    name.startsWith("passkey_")
  );
}

/** Whether a server undoes percent encoding twice. privacyIDEA does not for three user agents that it knows. */
function decodesTwice({ decoding }: FederationServer, userAgent: string | undefined): boolean {
  if (decoding === "once") return false;
  const decodesOnce = /^(?:privacyidea-cp|privacyidea-ldap-proxy|simplesamlphp)(?![\w-])/i;
  return userAgent === undefined || !decodesOnce.test(userAgent);
}

/** Field lines with another type of the content. */
function withContentType(fields: readonly string[], type: string): readonly string[] {
  const at = fields.indexOf("content-type");
  return at < 0 ? [...fields, "content-type", type] : fields.with(at + 1, type);
}

/** The token of the user who is logged in. privacyIDEA takes it without the word "Bearer". */
function authorizationToken(request: EventRequest): string | undefined {
  const value = request.field("pi-authorization") ?? request.field("authorization");
  return value?.replace(/^Bearer\s+/i, "");
}

/**
 * Whether a response has no content because it needs none: privacyIDEA responds to a RADIUS server with the status
 * alone.
 */
function isBodiless(
  { path, method }: EventRequest,
  { status, content }: BufferedResponse,
): boolean {
  if (content.length > 0) return false;
  return method === "HEAD" || status === 204 || path.endsWith("/validate/radiuscheck");
}

function isTrue(value: string | readonly string[] | undefined): boolean {
  return value === "1" || value === "True" || value === "true" || value === "TRUE";
}

/** A failure of a server that has got the request. */
function spent(
  reason: "malformed_answer" | "bad_signature" | "bad_nonce",
  { identifier }: FederationServer,
): FederationError {
  return new FederationError(reason, identifier, { isSpent: true });
}
