import type { Dispatcher } from "undici";
import { FederationError, type FederationReason } from "../errors.js";
import type { FieldLines } from "../message/field-lines.js";
import { failureReason } from "./failure.js";

/** How long one exchange may take, in milliseconds. */
export interface ExchangeLimits {
  readonly connect: number;
  readonly firstByte: number;
  /** What is left until the end of the answer. */
  readonly total: number;
}

/** What takes an answer as it comes. */
export interface AnswerSink {
  /** The final status and the field lines. What it throws ends the exchange. */
  start(status: number, fields: FieldLines, flow: Flow): void;
  data(chunk: Buffer): void;
  /** The end, or why there is none. Called once, whatever happens. */
  end(error?: FederationError): void;
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
export class Exchange implements Dispatcher.DispatchHandler, Flow {
  readonly #server: string;
  readonly #limits: ExchangeLimits;
  readonly #sink: AnswerSink;
  readonly #begun: number;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasAnswer = false;
  #isOver = false;

  /** @param begun when it has begun, by `performance.now()`. */
  constructor(server: string, limits: ExchangeLimits, sink: AnswerSink, begun: number) {
    this.#begun = begun;
    this.#server = server;
    this.#limits = limits;
    this.#sink = sink;
  }

  /** Whether a byte of the request may have been written. */
  get isSpent(): boolean {
    return this.#controller !== undefined;
  }

  /** Sends the request. */
  dispatch(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions): void {
    try {
      dispatcher.dispatch(options, this);
    } catch (error) {
      this.#fail(this.#describe(error));
    }
    if (this.#controller === undefined && !this.#isOver) this.#watch("connect_timeout");
  }

  /** Gives the exchange up. */
  abandon(reason: FederationReason = "abandoned"): void {
    this.#fail(new FederationError(reason, this.#server, { isSpent: this.isSpent }));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) {
      // Given up before there was a connection: nothing is written.
      controller.abort(new FederationError("abandoned", this.#server));
      return;
    }
    if (this.#controller !== undefined) {
      // undici would send it a second time. It may not.
      controller.abort(new FederationError("broken_off", this.#server, { isSpent: true }));
      return;
    }
    this.#controller = controller;
    this.#watch("answer_timeout");
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
      this.#sink.start(status, fieldLines(headers), this);
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
    if (error instanceof FederationError) {
      if (error.isSpent === this.isSpent) return error;
      return new FederationError(error.reason, this.#server, { isSpent: this.isSpent });
    }
    return new FederationError(failureReason(error, this.isSpent), this.#server, {
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
    clearTimeout(this.#timer);
  }

  /** Gives the exchange up when a limit is reached. Once the answer has begun, only the total limit is left. */
  #watch(limit: "connect_timeout" | "answer_timeout" | "total_timeout"): void {
    clearTimeout(this.#timer);
    const { connect, firstByte, total } = this.#limits;
    const rest = Math.max(0, total - (performance.now() - this.#begun));
    const delay =
      limit === "connect_timeout" ? connect : limit === "answer_timeout" ? firstByte : rest;
    this.#timer = setTimeout(
      () => {
        if (delay >= rest) this.abandon("total_timeout");
        // Most answers have ended before: a timer of their own would cost each of them something for nothing.
        else if (this.#hasAnswer) this.#watch("total_timeout");
        else this.abandon(limit);
      },
      Math.min(delay, rest),
    );
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
