import type { Readable } from "node:stream";
import type { FederationServer } from "../../repositories/index.js";
import type { EventPublisher, ForwardEvent } from "../channels.js";
import { FederationError } from "../errors.js";
import type { FieldLines } from "../message/field-lines.js";
import type { ClientSignal } from "../message/request.js";
import type { Verdict } from "./breaker.js";
import { type AnswerSink, Exchange, type Flow } from "./exchange.js";
import type { Target, Targets } from "./targets.js";
import type { Watch } from "./watch.js";

/** A request to a server, as it is written to the wire. */
export interface OutgoingRequest {
  readonly method: string;
  /** The path and query, after the path of the server's URL. */
  readonly target: string;
  readonly fields: FieldLines;
  readonly content?: Uint8Array | Readable;
}

/** What an errand needs of whom it is for. */
export interface ErrandContext {
  readonly targets: Targets;
  readonly watch: Watch;
  readonly events: EventPublisher<ForwardEvent>;
}

/** What is to be done. */
export interface ErrandTask {
  /** The identifiers of the servers, in the order in which they are tried. */
  readonly servers: readonly string[];
  readonly signal: ClientSignal | undefined;
  /** Makes the request for a server. */
  readonly prepare: (server: FederationServer) => OutgoingRequest;
  /** What takes the answer of a server. Of those that fail it hears nothing until an answer has begun. */
  readonly sinkFor: (server: FederationServer) => AnswerSink;
  /** When it is done: when the answer begins, or when it ends. What fails after that, the sink hears of. */
  readonly doneAt: "start" | "end";
  readonly done: (() => void) | undefined;
  readonly failed: (error: unknown) => void;
}

/**
 * A request on its way to the first of some servers that can be reached: it goes to the next one only while not a byte of it was
 * written to the one before, since a one-time password is spent by being sent.
 */
export class Errand implements AnswerSink {
  readonly #context: ErrandContext;
  readonly #task: ErrandTask;
  readonly #begun: number = performance.now();
  #attempt = 0;
  #started: number = this.#begun;
  #method = "";
  #target: Target | undefined;
  #passage: "request" | "probe" | undefined;
  #sink: AnswerSink | undefined;
  #status: number | undefined;
  #isDone = false;

  constructor(context: ErrandContext, task: ErrandTask) {
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

  start(status: number, fields: FieldLines, flow: Flow): void {
    this.#sink?.start(status, fields, flow);
    this.#status = status;
    if (this.#task.doneAt === "start") this.#finish();
  }

  data(chunk: Buffer): void {
    this.#sink?.data(chunk);
  }

  end(error?: FederationError): void {
    if (this.#isDone) {
      this.#sink?.end(error);
    } else if (error === undefined) {
      this.#sink?.end();
      this.#finish();
    } else {
      this.#report(error);
      this.#goOn(error);
    }
  }

  #send(target: Target): void {
    const { signal, prepare, sinkFor } = this.#task;
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
    this.#sink = sinkFor(server);
    this.#passage = breaker.enter();
    if (signal?.aborted) {
      this.end(new FederationError("abandoned", identifier));
    } else if (this.#passage === undefined) {
      this.end(new FederationError("suspended", identifier));
    } else {
      // All servers have one total limit together, which has begun with the first.
      const { watch } = this.#context;
      new Exchange(identifier, limits, this, this.#begun, watch, signal).dispatch(pool, {
        method: request.method,
        path: target.basePath + request.target,
        headers: request.fields as string[],
        body: request.content ?? null,
      });
    }
  }

  #finish(): void {
    this.#isDone = true;
    this.#report(undefined);
    this.#task.done?.();
  }

  /** Goes on to the next server, if that may be. */
  #goOn(error: unknown): void {
    const { servers, failed } = this.#task;
    const mayGoOn =
      error instanceof FederationError && !error.isSpent && error.proxyError !== undefined;
    if (!mayGoOn || this.#attempt + 1 >= servers.length) {
      failed(error);
      return;
    }
    this.#attempt += 1;
    this.#started = performance.now();
    this.go();
  }

  /** Says how a try has ended: to the breaker, and to whoever listens. */
  #report(failure: FederationError | undefined): void {
    if (this.#target === undefined) return;
    const { server, breaker } = this.#target;
    const status = failure === undefined ? this.#status : undefined;
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

/** What the end of a request says about the server. */
function verdictOn(status: number | undefined, failure: FederationError | undefined): Verdict {
  if (failure !== undefined) return failure.proxyError === undefined ? "unknown" : "failed";
  return status !== undefined && status >= 502 && status <= 504 ? "failed" : "well";
}
