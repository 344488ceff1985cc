import { Readable } from "node:stream";
import type { Dispatcher, Pool } from "undici";
import type { FederationServer } from "../../repositories/index.js";
import { FederationError, type FederationReason } from "../errors.js";
import type { FieldLines } from "../message/field-lines.js";
import type { ClientSignal } from "../message/request.js";
import { failureReason } from "./failure.js";
import { isFull } from "./pool.js";
import type { Watch, Watched } from "./timeout-sweeper.js";

/** How long one exchange may take, in milliseconds. */
export interface ExchangeLimits {
  readonly connect: number;
  /** How long the client may take for the next piece of the content. */
  readonly content: number;
  readonly firstByte: number;
  /** What is left until the end of the answer. */
  readonly total: number;
}

/** What takes an answer as it comes. */
export interface AnswerSink {
  /** The final status and the field lines, and which server answers. What it throws ends the exchange. */
  start(status: number, fields: FieldLines, flow: Flow, server: FederationServer): void;
  data(chunk: Buffer): void;
  /** The end, or why there is none. Called once, whatever happens. */
  end(error?: unknown): void;
}

/** Holds the answer back and lets it flow again: back-pressure. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Gives the rest of it up. */
  abandon(): void;
}

/**
 * One request on its way to one server, and the answer on its way back to a sink.
 *
 * It knows whether a byte of the request may have been written: from the moment at which undici takes a connection for it. Until
 * then it can be given up without a trace, and afterwards it is never sent again.
 */
export class Exchange implements Dispatcher.DispatchHandler, Flow, Watched {
  readonly #server: FederationServer;
  readonly #limits: ExchangeLimits;
  readonly #sink: AnswerSink;
  readonly #begun: number;
  readonly #watch: Watch;
  readonly #signal: ClientSignal | undefined;
  place = 0;
  /** Since when it is where it is, by `performance.now()`. */
  #since: number = performance.now();
  #controller: Dispatcher.DispatchController | undefined;
  #pool: Pool | undefined;
  #content: unknown;
  /** Whether a piece of the content was sent since it was last looked. */
  #hasMoved = false;
  #isSent = false;
  #hasAnswer = false;
  #isOver = false;

  /** @param begun when it has begun, by `performance.now()`. */
  constructor(
    server: FederationServer,
    limits: ExchangeLimits,
    sink: AnswerSink,
    begun: number,
    watch: Watch,
    signal: ClientSignal | undefined,
  ) {
    this.#server = server;
    this.#limits = limits;
    this.#sink = sink;
    this.#begun = begun;
    this.#watch = watch;
    this.#signal = signal;
  }

  /** Whether a byte of the request may have been written. */
  get isSpent(): boolean {
    return this.#controller !== undefined;
  }

  /** Sends the request. */
  dispatch(pool: Pool, options: Dispatcher.DispatchOptions): void {
    this.#pool = pool;
    this.#content = options.body;
    this.#watch.begin(this);
    try {
      pool.dispatch(options, this);
    } catch (error) {
      this.#fail(this.#describe(error));
    }
  }

  /** Gives the exchange up. */
  abandon(reason: FederationReason = "abandoned"): void {
    this.#fail(new FederationError(reason, this.#server.identifier, { isSpent: this.isSpent }));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) {
      // Given up before there was a connection: nothing is written.
      controller.abort(new FederationError("abandoned", this.#server.identifier));
      return;
    }
    if (this.#controller !== undefined) {
      // undici would send it a second time. It may not.
      controller.abort(
        new FederationError("broken_off", this.#server.identifier, { isSpent: true }),
      );
      return;
    }
    this.#controller = controller;
    this.#since = performance.now();
  }

  onBodySent(): void {
    this.#hasMoved = true;
  }

  onRequestSent(): void {
    this.#hasMoved = true;
    this.#isSent = true;
  }

  /** Gives the exchange up if nobody waits for it any more, or if it is late. */
  look(now: number): void {
    if (this.#signal?.aborted) this.abandon();
    if (this.#hasMoved) {
      this.#hasMoved = false;
      this.#since = now;
    }
    const reason = this.#lateness(now);
    if (reason !== undefined) this.abandon(reason);
  }

  /** What is late, if anything is: the server, the client with its content, or this side with a connection. */
  #lateness(now: number): FederationReason | undefined {
    const { connect, content, firstByte, total } = this.#limits;
    const waited = now - this.#since;
    const isEnd = now >= this.#begun + total;
    if (!this.isSpent) {
      if (!isEnd && waited < connect) return undefined;
      if (this.#pool !== undefined && isFull(this.#pool, this.#server)) return "connections_taken";
      return isEnd ? "total_timeout" : "connect_timeout";
    }
    const waitsForClient = this.#waitsForClient;
    if (isEnd) return waitsForClient ? "content_timeout" : "total_timeout";
    if (this.#hasAnswer) return undefined;
    if (waitsForClient) return waited < content ? undefined : "content_timeout";
    return waited < firstByte ? undefined : "answer_timeout";
  }

  /** Whether the server would take more of the content, if there were any. */
  get #waitsForClient(): boolean {
    const content = this.#content;
    return this.isSpent && !this.#isSent && content instanceof Readable && !content.isPaused();
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (this.#isOver || status < 200) return;
    this.#hasAnswer = true;
    try {
      this.#sink.start(status, fieldLines(headers), this, this.#server);
    } catch (error) {
      this.#fail(this.#describe(error));
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // A parser that goes on after a pause may have nothing yet.
    if (this.#isOver || chunk.length === 0) return;
    try {
      this.#sink.data(chunk);
    } catch (error) {
      this.#fail(this.#describe(error));
    }
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(this.#describe(error));
  }

  #describe(error: unknown): FederationError {
    // What breaks off when the client goes away is not the server's fault.
    if (this.#signal?.aborted) {
      return new FederationError("abandoned", this.#server.identifier, { isSpent: this.isSpent });
    }
    if (error instanceof FederationError) {
      if (error.isSpent === this.isSpent) return error;
      return new FederationError(error.reason, this.#server.identifier, { isSpent: this.isSpent });
    }
    return new FederationError(failureReason(error, this.isSpent), this.#server.identifier, {
      isSpent: this.isSpent,
      cause: error,
    });
  }

  #fail(error: FederationError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#controller?.abort(error);
    this.#sink.end(error);
  }

  #finish(): void {
    this.#isOver = true;
    this.#watch.end(this);
  }
}

/** The field lines of what undici has parsed: names in lower case, repeated ones under one name. */
function fieldLines(headers: Readonly<Record<string, string | string[] | undefined>>): FieldLines {
  const lines: string[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === "string") lines.push(name, value);
    else for (const one of value ?? []) lines.push(name, one);
  }
  return lines;
}
