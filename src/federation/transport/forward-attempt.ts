import type { Readable } from "node:stream";
import type { FederationServer } from "../../repositories/index.js";
import type { EventPublisher, ForwardEvent } from "../channels.js";
import { FederationError, type FederationReason } from "../errors.js";
import type { FieldLines } from "../message/field-lines.js";
import type { ClientSignal } from "../message/request.js";
import type { Verdict } from "./breaker.js";
import { type Flow, ForwardExchange, type ResponseSink } from "./server-exchange.js";
import type { Target, Targets } from "./targets.js";
import type { TimeoutSweeper } from "./timeout-sweeper.js";

/** A request to a server, as it is written to the wire. */
export interface OutgoingRequest {
  /** The method, such as `POST`. */
  readonly method: string;
  /** The path and query, after the path of the server's URL. */
  readonly target: string;
  /** The header fields that the server gets, line by line. */
  readonly fields: FieldLines;
  /**
   * The content; a stream can be sent once only, so that no second server is tried with it. Absent where there is none.
   */
  readonly content?: Uint8Array | Readable;
}

/** What the forwarder lends to its attempts. */
export interface ForwardContext {
  readonly targets: Targets;
  readonly sweeper: TimeoutSweeper;
  readonly events: EventPublisher<ForwardEvent>;
}

/** What is to be done. */
export interface ForwardTask {
  /** The identifiers of the servers, in the order in which they are tried. */
  readonly servers: readonly string[];
  readonly signal: ClientSignal | undefined;
  /** Makes the request for a server. */
  readonly prepare: (server: FederationServer) => OutgoingRequest;
  /** What takes the response. It gets the failure of a server before its response only if there is no other server. */
  readonly sink: ResponseSink;
  /** When the server has done well: when its response begins, or when it is whole. */
  readonly doneAt: "start" | "end";
}

/**
 * A request on its way to the first of some servers that can be reached: it goes to the next one only while not a byte
 * of it was written to the one before, since a one-time password is spent by being sent.
 */
export class ForwardAttempt implements ResponseSink {
  readonly #context: ForwardContext;
  readonly #task: ForwardTask;
  readonly #begun: number = performance.now();
  #attempt = 0;
  #started: number = this.#begun;
  #method = "";
  #target: Target | undefined;
  #passage: "request" | "probe" | undefined;
  #status: number | undefined;
  #isReported = false;

  constructor(context: ForwardContext, task: ForwardTask) {
    this.#context = context;
    this.#task = task;
  }

  /** Tries the server whose turn it is. */
  go(): void {
    this.#context.targets.get(this.#task.servers[this.#attempt] ?? "").then(
      (target) => this.#send(target),
      (error: unknown) => this.#goOn(error),
    );
  }

  start(status: number, fields: FieldLines, flow: Flow, server: FederationServer): void {
    this.#status = status;
    this.#task.sink.start(status, fields, flow, server);
    if (this.#task.doneAt === "start") this.#report();
  }

  data(chunk: Buffer): void {
    this.#task.sink.data(chunk);
  }

  end(error?: unknown): void {
    if (!this.#isReported) this.#report(error);
    if (error === undefined) this.#task.sink.end();
    else this.#goOn(error);
  }

  #send(target: Target): void {
    const { signal, prepare } = this.#task;
    const { server, breaker, limits, pool } = target;
    const { identifier } = server;
    let request: OutgoingRequest;
    try {
      request = prepare(server);
    } catch (error) {
      this.#goOn(error);
      return;
    }
    this.#target = target;
    this.#method = request.method;
    this.#isReported = false;
    this.#passage = breaker.enter();
    if (signal?.aborted) {
      this.end(new FederationError("abandoned", identifier));
    } else if (this.#passage === undefined) {
      this.end(new FederationError("suspended", identifier));
    } else {
      // All servers have one total limit together, which has begun with the first.
      const { sweeper } = this.#context;
      new ForwardExchange(server, limits, this, this.#begun, sweeper, signal).dispatch(pool, {
        method: request.method,
        path: target.basePath + request.target,
        headers: request.fields as string[],
        body: request.content ?? null,
      });
    }
  }

  /** Goes on to the next server, if that may be. */
  #goOn(error: unknown): void {
    const { servers, sink } = this.#task;
    const mayGoOn =
      error instanceof FederationError && !error.isSpent && error.proxyError !== undefined;
    if (!mayGoOn || this.#attempt + 1 >= servers.length) {
      sink.end(error);
      return;
    }
    this.#attempt += 1;
    this.#started = performance.now();
    this.go();
  }

  /** Says how a try has ended: to the breaker, and to subscribers. */
  #report(error?: unknown): void {
    this.#isReported = true;
    if (this.#target === undefined) return;
    const { server, breaker } = this.#target;
    const failure = error instanceof FederationError ? error : undefined;
    const status = this.#status;
    if (this.#passage !== undefined) breaker.leave(this.#passage, verdictOn(status, failure));
    this.#context.events.publish(() => ({
      server: server.identifier,
      method: this.#method,
      attempt: this.#attempt,
      duration: performance.now() - this.#started,
      ...(status === undefined ? {} : { status }),
      ...(failure === undefined ? {} : { reason: failure.reason }),
      isSpent: failure?.isSpent ?? true,
    }));
  }
}

/**
 * What the end of a request says about the server. Whatever happens to a request that the server has got, its client
 * may have brought about: that it takes long, that it is broken off, that a gateway before the server has waited long
 * enough (502, 504). It says nothing, so that no client can have the server left in peace for all others.
 */
function verdictOn(status: number | undefined, failure: FederationError | undefined): Verdict {
  if (failure === undefined || responded.has(failure.reason)) {
    if (status === 503) return "failed";
    return status === 502 || status === 504 ? "unknown" : "well";
  }
  if (failure.isSpent || failure.proxyError === undefined) return "unknown";
  return failure.reason === "connections_taken" ? "unknown" : "failed";
}

/**
 * The failures in which a server has responded, only not with what is passed back. What any client may bring about is
 * no outage.
 */
const responded: ReadonlySet<FederationReason> = new Set([
  "server_error",
  "redirected",
  "answer_too_large",
]);
