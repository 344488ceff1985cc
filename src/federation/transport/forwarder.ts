import type { Readable } from "node:stream";
import type { Pool } from "undici";
import type { FederationServer, ServerRepository } from "../../repositories/index.js";
import { breakerChannelName, forwardChannelName, publish } from "../channels.js";
import { FederationError } from "../errors.js";
import type { FieldLines } from "../message/field-lines.js";
import type { ClientSignal } from "../message/request.js";
import type { Resolve } from "./address.js";
import { Beginning, Collector, type ServerAnswer } from "./answer-sinks.js";
import { Breaker, type BreakerOptions, type BreakerState, type Verdict } from "./breaker.js";
import { type AnswerSink, Exchange, type ExchangeLimits } from "./exchange.js";
import { watchHealth } from "./health-check.js";
import { defaultLimits, openPool } from "./pool.js";
import { readServers } from "./server-definition.js";
import { Watch } from "./watch.js";

/** Options of {@link Forwarder}. */
export interface ForwarderOptions {
  /** The servers, by the identifiers that rules mean them by. */
  readonly servers: ServerRepository;
  /**
   * The origins that this side is reached at itself, such as `https://pi.example.com`. A server with one of them is
   * refused: it would ask itself.
   */
  readonly ownOrigins?: readonly string[];
  /** The only origins that servers may have. Default: any. For servers that others than you may define. */
  readonly allowedOrigins?: readonly string[];
  /** When a server that fails is left in peace. */
  readonly breaker?: BreakerOptions;
  /** Resolves the names of servers. Default: as the system does. */
  readonly resolve?: Resolve;
  /** The time in milliseconds, from any beginning. Default: the monotonic clock. */
  readonly now?: () => number;
}

/** A request to a server, as it is written to the wire. */
export interface OutgoingRequest {
  readonly method: string;
  /** The path and query, after the path of the server's URL. */
  readonly target: string;
  readonly fields: FieldLines;
  readonly content?: Uint8Array | Readable;
}

/** Options of one request. */
export interface ForwardOptions {
  /** Says whether the client has gone away, so that the server need not go on. */
  readonly signal?: ClientSignal | undefined;
}

/** A server, and what is kept open for it. */
interface Target {
  /** The definition as the store has it. */
  readonly definition: FederationServer;
  readonly server: FederationServer;
  readonly pool: Pool;
  readonly basePath: string;
  readonly limits: ExchangeLimits;
  readonly breaker: Breaker;
  readonly health: Disposable | undefined;
}

/** What is to be sent to a server, and what becomes of its answer. */
interface Errand<R extends { readonly status: number }> {
  readonly request: OutgoingRequest;
  readonly sink: AnswerSink;
  readonly answer: Promise<R>;
}

/**
 * Sends requests to servers: a pool of connections for each, limits of time and size, failover in order, and a breaker.
 *
 * A request goes to the next server only while not a byte of it was written to the one before, since a one-time password is
 * spent by being sent. Redirects are never followed.
 */
export class Forwarder implements AsyncDisposable {
  readonly #options: ForwarderOptions;
  readonly #targets = new Map<string, Target>();
  readonly #watch = new Watch();
  readonly #now: () => number;
  #isClosed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Sends a request to the first of the servers that can be reached, and collects its answer. A redirect and a status of 500 or
   * more are failures.
   *
   * @param prepare makes the request for the server at hand. It is called once for each that is tried.
   * @throws {FederationError} none of them has answered; `isSpent` says whether one may have got the request.
   */
  forward(
    identifiers: readonly string[],
    prepare: (server: FederationServer) => OutgoingRequest,
    options: ForwardOptions = {},
  ): Promise<ServerAnswer> {
    return this.#tryEach(identifiers, options, (server) => {
      const collector = new Collector(server);
      return { request: prepare(server), sink: collector, answer: collector.answer };
    });
  }

  /**
   * Sends a request to the first of the servers that can be reached, and lets its answer, whatever it is, flow into a sink.
   * Resolves when the answer has begun.
   *
   * @throws {FederationError} none of them has begun to answer.
   */
  async stream(
    identifiers: readonly string[],
    prepare: (server: FederationServer) => OutgoingRequest,
    sink: AnswerSink,
    options: ForwardOptions = {},
  ): Promise<void> {
    await this.#tryEach(identifiers, options, (server) => {
      const beginning = new Beginning(sink);
      return { request: prepare(server), sink: beginning, answer: beginning.answer };
    });
  }

  /** The state of the breaker of a server; `undefined` for one that was not used yet. */
  breakerState(identifier: string): BreakerState | undefined {
    return this.#targets.get(identifier)?.breaker.state;
  }

  /** Ends all connections. Requests under way fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const targets = [...this.#targets.values()];
    this.#targets.clear();
    await Promise.all(
      targets.map(async ({ pool, health }) => {
        health?.[Symbol.dispose]();
        await pool.destroy();
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Tries the servers in order, while nothing was sent. */
  async #tryEach<R extends { readonly status: number }>(
    identifiers: readonly string[],
    options: ForwardOptions,
    errandTo: (server: FederationServer) => Errand<R>,
  ): Promise<R> {
    const begun = performance.now();
    for (let attempt = 0; ; attempt += 1) {
      const identifier = identifiers[attempt] ?? "";
      try {
        const target = this.#targetOf(await this.#definition(identifier), identifier);
        return await this.#attempt(target, attempt, begun, options, errandTo);
      } catch (error) {
        const mayTryNext =
          error instanceof FederationError && !error.isSpent && error.proxyError !== undefined;
        if (!mayTryNext || attempt + 1 >= identifiers.length) throw error;
      }
    }
  }

  async #attempt<R extends { readonly status: number }>(
    { server, basePath, limits, breaker, pool }: Target,
    attempt: number,
    begun: number,
    { signal }: ForwardOptions,
    errandTo: (server: FederationServer) => Errand<R>,
  ): Promise<R> {
    const started = attempt === 0 ? begun : performance.now();
    const { request, sink, answer } = errandTo(server);
    const passage = breaker.enter();
    let status: number | undefined;
    let failure: FederationError | undefined;
    try {
      if (signal?.aborted) throw new FederationError("abandoned", server.identifier);
      if (passage === undefined) throw new FederationError("suspended", server.identifier);
      // All servers of the rule have one total limit together, which has begun with the first.
      const { identifier } = server;
      const exchange = new Exchange(identifier, limits, sink, begun, this.#watch, signal);
      exchange.dispatch(pool, {
        method: request.method,
        path: basePath + request.target,
        headers: request.fields as string[],
        body: request.content ?? null,
      });
      const answered = await answer;
      status = answered.status;
      return answered;
    } catch (error) {
      if (error instanceof FederationError) failure = error;
      throw error;
    } finally {
      if (passage !== undefined) breaker.leave(passage, verdictOn(status, failure));
      publish(forwardChannelName, () => ({
        server: server.identifier,
        method: request.method,
        attempt,
        duration: performance.now() - started,
        ...(status === undefined ? {} : { status }),
        ...(failure === undefined ? {} : { reason: failure.reason }),
        isSpent: failure?.isSpent ?? true,
      }));
    }
  }

  #targetOf(server: FederationServer | undefined, identifier: string): Target {
    if (this.#isClosed) throw new FederationError("closed", identifier);
    if (server === undefined) throw new FederationError("unknown_server", identifier);
    const known = this.#targets.get(identifier);
    if (known !== undefined && isSame(known.definition, server)) return known;
    const target = this.#open(server);
    this.#targets.set(identifier, target);
    if (known !== undefined) {
      // What is under way to the server as it was may end.
      known.health?.[Symbol.dispose]();
      void known.pool.close();
    }
    return target;
  }

  async #definition(identifier: string): Promise<FederationServer | undefined> {
    try {
      return await this.#options.servers.get(identifier);
    } catch (cause) {
      throw new FederationError("unreadable_definition", identifier, { cause });
    }
  }

  #open(definition: FederationServer): Target {
    const server = readDefinition(definition);
    const { identifier } = server;
    const { ownOrigins = [], allowedOrigins, breaker: options = {}, resolve } = this.#options;
    const { origin, pathname } = new URL(server.url);
    const isOwn = ownOrigins.some((own) => new URL(own).origin === origin);
    const isAllowed = allowedOrigins?.some((allowed) => new URL(allowed).origin === origin) ?? true;
    if (isOwn || !isAllowed) throw new FederationError("forbidden_address", identifier);
    const pool = openPool(server, resolve);
    const changed = (state: BreakerState): void =>
      publish(breakerChannelName, () => ({ server: identifier, state }));
    const breaker = new Breaker(options, changed, this.#now);
    const basePath = pathname === "/" ? "" : pathname;
    const health = watchHealth(server, basePath, pool, breaker);
    const limits = { ...defaultLimits, ...server.limits };
    return { definition, server, pool, basePath, limits, breaker, health };
  }
}

/** Whether a definition is still what it was. A store may make a new object each time that it is asked. */
function isSame(known: FederationServer, server: FederationServer): boolean {
  return known === server || JSON.stringify(known) === JSON.stringify(server);
}

/** Reads a definition once for each change: a store may hold what somebody else has written. */
function readDefinition(definition: FederationServer): FederationServer {
  try {
    const [server = definition] = readServers([definition]);
    return server;
  } catch (cause) {
    throw new FederationError("bad_definition", definition.identifier, { cause });
  }
}

/** What the end of a request says about the server. */
function verdictOn(status: number | undefined, failure: FederationError | undefined): Verdict {
  if (failure !== undefined) return failure.proxyError === undefined ? "unknown" : "failed";
  return status !== undefined && status >= 502 && status <= 504 ? "failed" : "well";
}
