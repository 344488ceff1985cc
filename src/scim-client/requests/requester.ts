import type { Pool } from "undici";
import {
  InvalidValueError,
  type Settled,
  TooManyError,
  UnavailableError,
} from "../../core/index.js";
import { openPool } from "../../http/client/index.js";
import { publish } from "../channel.js";
import {
  clientLimits,
  type RetryOptions,
  readBaseUrl,
  retryOptions,
  type ScimClientLimits,
  type ScimClientOptions,
} from "../options.js";
import { Credentials } from "./credentials.js";
import { exchange, NoResponseError, type WireRequest, type WireResponse } from "./exchange.js";
import { readResponse } from "./read-response.js";
import type { ScimRequest, ScimResponse } from "./request.js";
import { ScimResponseError } from "./response-error.js";
import { pause, retryAfterIn } from "./retry.js";
import { type ErrorResponse, failedStatusIn, typedError } from "./typed-error.js";

const mediaType = "application/scim+json";

/** How one try of a request has ended. */
type AttemptResult =
  | { readonly response: WireResponse; readonly retryAfter: number | undefined }
  | { readonly error: NoResponseError };

/** Sends requests to one service provider, again where that is safe, and reads the responses. */
export class Requester implements AsyncDisposable {
  readonly limits: Settled<ScimClientLimits>;
  readonly #basePath: string;
  readonly #pool: Pool;
  readonly #retry: Settled<RetryOptions>;
  readonly #credentials: Credentials;
  readonly #now: () => number;
  readonly #random: () => number;

  /** @throws {InvalidValueError} an option is wrong. */
  constructor(options: ScimClientOptions) {
    const url = readBaseUrl(options);
    this.limits = clientLimits(options.limits);
    this.#basePath = url.pathname === "/" ? "" : url.pathname;
    this.#retry = retryOptions(options.retry);
    this.#credentials = new Credentials(options.authorization);
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    const { connections, connect, silence } = this.limits;
    this.#pool = openPool(url, {
      connections,
      connectTimeout: connect,
      silence,
      ...(options.tls !== undefined && { tls: options.tls }),
    });
  }

  /**
   * Sends a request, again where that is safe: a GET whenever there is no response; any request as long as no byte of
   * it can have been sent, and when the service provider says that it has too much to do.
   *
   * @throws the error of `core` or of `scim` that the response stands for.
   * @throws {UnavailableError} there is no response; `mayBeDone` says whether the request may have been carried out.
   * @throws {ScimResponseError} any other error, or a response that cannot be read. Of a write that was done the
   * response says `unreadable`.
   */
  async send(request: ScimRequest, signal?: AbortSignal): Promise<ScimResponse> {
    let refused: string | undefined;
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      const authorization = await this.#credentials.value(refused, signal);
      const outcome = await this.#try(request, authorization, attempt, signal);
      const isRefused = "response" in outcome && outcome.response.status === 401;
      if (isRefused && refused === undefined && this.#credentials.canRenew) {
        refused = authorization;
        continue;
      }
      const delay = this.#delayAfter(outcome, request, attempt);
      if (delay === undefined) {
        return this.#conclude(outcome, request, [authorization, refused]);
      }
      await pause(delay, signal);
    }
  }

  async #try(
    request: ScimRequest,
    authorization: string | undefined,
    attempt: number,
    signal: AbortSignal | undefined,
  ): Promise<AttemptResult> {
    const { method, path } = request;
    const begun = performance.now();
    const report = (end: { status?: number; error?: unknown; isSent: boolean }): void =>
      publish(() => ({ method, path, attempt, duration: performance.now() - begun, ...end }));
    try {
      const wire = this.#wireRequest(request, authorization);
      const response = await exchange(this.#pool, wire, this.limits, signal);
      report({ status: response.status, isSent: true });
      return { response, retryAfter: retryAfterIn(response, this.#now) };
    } catch (error) {
      if (!(error instanceof NoResponseError)) throw error;
      report({ error, isSent: error.isSent });
      return { error };
    }
  }

  #wireRequest(request: ScimRequest, authorization: string | undefined): WireRequest {
    const { method, path, query, body, ifVersion } = request;
    const search = query === undefined || query.size === 0 ? "" : `?${query}`;
    return {
      method,
      target: `${this.#basePath}${path}${search}`,
      headers: {
        accept: `${mediaType}, application/json;q=0.9`,
        ...(authorization !== undefined && { authorization }),
        ...(ifVersion !== undefined && { "if-match": entityTag(ifVersion) }),
        ...(body !== undefined && { "content-type": mediaType }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
  }

  /** How long to wait before the next try; `undefined` if there is to be none. */
  #delayAfter(outcome: AttemptResult, request: ScimRequest, attempt: number): number | undefined {
    const { attempts, minDelay, maxDelay } = this.#retry;
    if (attempt + 1 >= attempts || !isSafeToRepeat(outcome, request)) return undefined;
    const asked = "response" in outcome ? outcome.retryAfter : undefined;
    if (asked !== undefined) return asked > maxDelay ? undefined : asked;
    const longest = Math.min(minDelay * 2 ** attempt, maxDelay);
    return longest * (0.5 + this.#random() / 2);
  }

  /** @param credentials All that were sent. */
  #conclude(
    outcome: AttemptResult,
    request: ScimRequest,
    credentials: readonly (string | undefined)[],
  ): ScimResponse {
    if ("error" in outcome) throw failure(outcome.error, request, this.limits);
    const { response, retryAfter } = outcome;
    const { status } = response;
    const secrets = [...(request.secrets ?? []), ...credentials.flatMap(secretsIn)];
    if (status >= 200 && status < 300) {
      const success = this.#readSuccess(response, request);
      const failed = failedStatusIn(success.body);
      if (failed !== undefined) {
        throw typedError({ status: failed, body: success.body, retryAfter }, request, secrets);
      }
      const [version, location] = [response.header("etag"), response.header("location")];
      return {
        status,
        ...success,
        ...(version !== undefined && { version }),
        ...(location !== undefined && { location }),
      };
    }
    if (status < 400) {
      throw new ScimResponseError("The service provider redirects, which is not followed.", status);
    }
    const error: ErrorResponse = { status, body: this.#readError(response), retryAfter };
    throw typedError(error, request, secrets);
  }

  #readSuccess(
    response: WireResponse,
    { method, isQuery = false }: ScimRequest,
  ): Pick<ScimResponse, "body" | "unreadable"> {
    const isWrite = method !== "GET" && !isQuery;
    const { maxBodyBytes, depth } = this.limits;
    if (response.isCut === true) {
      const message = `The response is longer than ${maxBodyBytes} bytes.`;
      if (!isWrite) throw new TooManyError(message, maxBodyBytes);
      return { body: undefined, unreadable: new ScimResponseError(message, response.status) };
    }
    try {
      return { body: readResponse(response, depth) };
    } catch (error) {
      if (!isWrite || !(error instanceof ScimResponseError)) throw error;
      return { body: undefined, unreadable: error };
    }
  }

  /** The body of an error, if it is one of SCIM's: a proxy may send anything, and the status says enough. */
  #readError(response: WireResponse): unknown {
    try {
      return readResponse(response, this.limits.depth);
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }
}

/** Whether nothing is done twice when the request is sent again. */
function isSafeToRepeat(outcome: AttemptResult, { method, isQuery = false }: ScimRequest): boolean {
  const isSafe = method === "GET" || isQuery;
  if ("error" in outcome) {
    const { isSent, isRefused } = outcome.error;
    return !isRefused && (isSafe || !isSent);
  }
  const { response, retryAfter } = outcome;
  if (response.status === 429) return true;
  // A service provider that says when to come again has not begun; without it, a proxy may have lost the response.
  if (response.status === 503) return isSafe || retryAfter !== undefined;
  return isSafe && [502, 504].includes(response.status);
}

function failure(
  error: NoResponseError,
  { method, isQuery = false }: ScimRequest,
  { maxBodyBytes }: Settled<ScimClientLimits>,
): UnavailableError | TooManyError {
  const isSafe = method === "GET" || isQuery;
  if (error.isRefused && isSafe)
    return new TooManyError(error.message, maxBodyBytes, { cause: error });
  return new UnavailableError(error.message, { cause: error, mayBeDone: error.isSent && !isSafe });
}

/** A version as the value of If-Match. Some service providers have versions that are no entity-tags (RFC 7643 §3.1). */
function entityTag(version: string): string {
  if (/^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(version)) return version;
  if (/^[\x21\x23-\x7e]+$/.test(version)) return `"${version}"`;
  throw new InvalidValueError("ifVersion", "it is not an entity-tag.");
}

/**
 * What of the Authorization field is secret: all of it, and what comes after the name of the scheme; of the scheme
 * Basic also what that encodes, and the password in it (RFC 7617 §2).
 */
function secretsIn(authorization: string | undefined): readonly string[] {
  if (authorization === undefined) return [];
  const parameters = authorization.slice(authorization.indexOf(" ") + 1);
  if (!/^basic /i.test(authorization)) return [authorization, parameters];
  const decoded = Buffer.from(parameters, "base64").toString();
  const colon = decoded.indexOf(":");
  return [authorization, parameters, decoded, ...(colon === -1 ? [] : [decoded.slice(colon + 1)])];
}
