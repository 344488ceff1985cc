import type { FederationServer } from "../../repositories/index.js";
import { forwardEvents } from "../channels.js";
import type { ClientSignal } from "../message/request.js";
import type { BreakerState } from "./breaker.js";
import { Collector, type ForwardedResponse } from "./collector.js";
import { ContentDeadline } from "./content-deadline.js";
import { ForwardAttempt, type ForwardContext, type OutgoingRequest } from "./forward-attempt.js";
import type { ResponseSink } from "./server-exchange.js";
import { Targets, type TargetsOptions } from "./targets.js";
import { TimeoutSweeper } from "./timeout-sweeper.js";

/** Options of {@link Forwarder}. */
export interface ForwarderOptions extends TargetsOptions {}

/** Options of one request. */
export interface ForwardOptions {
  /** Says whether the client has gone away, so that the server need not go on. */
  readonly signal?: ClientSignal | undefined;
}

/**
 * Sends requests to servers: a pool of connections for each, limits of time and size, failover in order, and a breaker.
 *
 * A request goes to the next server only while not a byte of it was written to the one before, since a one-time
 * password is spent by being sent. Redirects are never followed.
 */
export class Forwarder implements AsyncDisposable {
  readonly #context: ForwardContext;

  constructor(options: ForwarderOptions) {
    this.#context = {
      targets: new Targets(options),
      sweeper: new TimeoutSweeper(),
      events: forwardEvents(),
    };
  }

  /**
   * Sends a request to the first of the servers that can be reached, and collects its response. A redirect and a status
   * of 500 or more are failures.
   *
   * @param prepare makes the request for the server at hand. It is called once for each that is tried.
   * @throws {FederationError} none of them has responded; `isSpent` says whether one may have got the request.
   */
  forward(
    identifiers: readonly string[],
    prepare: (server: FederationServer) => OutgoingRequest,
    { signal }: ForwardOptions = {},
  ): Promise<ForwardedResponse> {
    return new Promise((resolve, reject) => {
      const sink = new Collector(resolve, reject);
      new ForwardAttempt(this.#context, {
        servers: identifiers,
        signal,
        prepare,
        sink,
        doneAt: "end",
      }).go();
    });
  }

  /**
   * Sends a request to the first of the servers that can be reached, and lets its response, whatever it is, flow into a
   * sink. If none of them has begun to respond, the sink gets the reason by its `end`.
   *
   * @param prepare makes the request for the server at hand. It is called once for each that is tried.
   */
  stream(
    identifiers: readonly string[],
    prepare: (server: FederationServer) => OutgoingRequest,
    sink: ResponseSink,
    { signal }: ForwardOptions = {},
  ): void {
    new ForwardAttempt(this.#context, {
      servers: identifiers,
      signal,
      prepare,
      sink,
      doneAt: "start",
    }).go();
  }

  /**
   * How long a client is waited for whose content is read before it is passed on: as long as `limits.content` and
   * `limits.total` of all servers say that may get it.
   */
  deadlineFor(identifiers: () => readonly string[]): ContentDeadline {
    const { targets, sweeper } = this.#context;
    return new ContentDeadline(sweeper, async () => await targets.contentLimits(identifiers()));
  }

  /** The state of the breaker of a server; `undefined` for one that was not used yet. */
  breakerState(identifier: string): BreakerState | undefined {
    return this.#context.targets.known(identifier)?.breaker.state;
  }

  /** Ends all connections. Requests under way fail. */
  async close(): Promise<void> {
    await this.#context.targets.close();
  }

  /** The same as {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
