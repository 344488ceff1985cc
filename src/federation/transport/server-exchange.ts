import { Readable } from "node:stream";
import type { Dispatcher, Pool } from "undici";
import { HttpExchange, type ParsedFields } from "../../http/client/index.js";
import type { FederationServer } from "../../repositories/index.js";
import { FederationError, type FederationReason } from "../errors.js";
import type { FieldLines } from "../message/field-lines.js";
import type { ClientSignal } from "../message/request.js";
import { failureReason } from "./failure.js";
import { isFull } from "./pool.js";
import type { Timed, TimeoutSweeper } from "./timeout-sweeper.js";

/** How long one exchange may take, in milliseconds. */
export interface ExchangeLimits {
  readonly connect: number;
  /** How long the client may take for the next piece of the content. */
  readonly content: number;
  readonly firstByte: number;
  /** What is left until the end of the response. */
  readonly total: number;
}

/** What takes a response as it comes. */
export interface ResponseSink {
  /** The final status and the field lines, and which server responds. What it throws ends the exchange. */
  start(status: number, fields: FieldLines, flow: Flow, server: FederationServer): void;
  /** The next piece of the content. */
  data(chunk: Buffer): void;
  /** The end, or why there is none. Called once, whatever happens. */
  end(error?: unknown): void;
}

/** Holds the response back and lets it flow again: back-pressure. */
export interface Flow {
  /** Asks for no more content. */
  pause(): void;
  /** Asks for content again. */
  resume(): void;
  /** Gives the rest of it up. */
  abandon(): void;
}

/** One request on its way to one server, and the response on its way back to a sink. */
export class ForwardExchange extends HttpExchange implements Flow, Timed {
  readonly #server: FederationServer;
  readonly #limits: ExchangeLimits;
  readonly #sink: ResponseSink;
  readonly #begun: number;
  readonly #sweeper: TimeoutSweeper;
  readonly #signal: ClientSignal | undefined;
  position = 0;
  /** Since when it is where it is, by `performance.now()`. */
  #since: number = performance.now();
  #pool: Pool | undefined;
  #content: unknown;
  /** Whether a piece of the content was sent since it was last checked. */
  #hasMoved = false;
  #isContentSent = false;
  #hasResponse = false;

  /** @param begun when it has begun, by `performance.now()`. */
  constructor(
    server: FederationServer,
    limits: ExchangeLimits,
    sink: ResponseSink,
    begun: number,
    sweeper: TimeoutSweeper,
    signal: ClientSignal | undefined,
  ) {
    super();
    this.#server = server;
    this.#limits = limits;
    this.#sink = sink;
    this.#begun = begun;
    this.#sweeper = sweeper;
    this.#signal = signal;
  }

  /** Sends the request. */
  override dispatch(pool: Pool, options: Dispatcher.DispatchOptions): void {
    this.#pool = pool;
    this.#content = options.body;
    this.#sweeper.begin(this);
    super.dispatch(pool, options);
  }

  /** Gives the exchange up. */
  abandon(reason: FederationReason = "abandoned"): void {
    this.fail(this.#error(reason));
  }

  override onRequestStart(controller: Dispatcher.DispatchController): void {
    if (!this.isSent) this.#since = performance.now();
    super.onRequestStart(controller);
  }

  onBodySent(): void {
    this.#hasMoved = true;
  }

  onRequestSent(): void {
    this.#hasMoved = true;
    this.#isContentSent = true;
  }

  /** Gives the exchange up if the client has gone away, or if it is late. */
  check(now: number): void {
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
    if (!this.isSent) {
      if (!isEnd && waited < connect) return undefined;
      if (this.#pool !== undefined && isFull(this.#pool, this.#server)) return "connections_taken";
      return isEnd ? "total_timeout" : "connect_timeout";
    }
    const waitsForClient = this.#waitsForClient;
    if (isEnd) return waitsForClient ? "content_timeout" : "total_timeout";
    if (this.#hasResponse) return undefined;
    if (waitsForClient) return waited < content ? undefined : "content_timeout";
    return waited < firstByte ? undefined : "answer_timeout";
  }

  /** Whether the server would take more of the content, if there were any. */
  get #waitsForClient(): boolean {
    const content = this.#content;
    return (
      this.isSent && !this.#isContentSent && content instanceof Readable && !content.isPaused()
    );
  }

  protected override started(status: number, fields: ParsedFields): void {
    this.#hasResponse = true;
    this.#sink.start(status, fieldLines(fields), this, this.#server);
  }

  protected override received(chunk: Buffer): void {
    this.#sink.data(chunk);
  }

  protected override completed(): void {
    this.#sink.end();
  }

  protected override failed(error: unknown): void {
    this.#sink.end(error);
  }

  protected override released(): void {
    this.#sweeper.end(this);
  }

  protected override describe(error: unknown): FederationError {
    // What breaks off when the client goes away is not the server's fault.
    if (this.#signal?.aborted) return this.#error("abandoned");
    if (error instanceof FederationError) {
      return error.isSpent === this.isSent ? error : this.#error(error.reason);
    }
    return this.#error(failureReason(error, this.isSent), { cause: error });
  }

  #error(reason: FederationReason, options: { readonly cause?: unknown } = {}): FederationError {
    const { identifier } = this.#server;
    return new FederationError(reason, identifier, { ...options, isSpent: this.isSent });
  }
}

/** The field lines of what undici has parsed: names in lower case, repeated ones under one name. */
function fieldLines(headers: ParsedFields): FieldLines {
  const lines: string[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === "string") lines.push(name, value);
    else for (const one of value ?? []) lines.push(name, one);
  }
  return lines;
}
