import type { Dispatcher } from "undici";

/** The header fields of a response as undici has parsed them: names in lower case. */
export type ParsedFields = Readonly<Record<string, string | string[] | undefined>>;

/**
 * One request on its way through undici, and the response on its way back.
 *
 * It knows whether a byte of the request may have been written: from the moment at which undici takes a connection for
 * it. Until then it can be given up without a trace, and afterwards it is never sent again.
 */
export abstract class HttpExchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;

  /** Whether a byte of the request may have been written. */
  get isSent(): boolean {
    return this.#controller !== undefined;
  }

  /** Sends the request. */
  dispatch(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions): void {
    try {
      dispatcher.dispatch(options, this);
    } catch (error) {
      this.fail(this.describe(error));
    }
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** The final status and the header fields. What it throws ends the exchange. */
  protected abstract started(status: number, fields: ParsedFields): void;
  /** A piece of the body. What it throws ends the exchange. */
  protected abstract received(chunk: Buffer): void;
  /** The response is whole. */
  protected abstract completed(): void;
  /** There is no response, or not all of it. */
  protected abstract failed(error: unknown): void;
  /** Nothing more happens. Called once, before {@link completed} or {@link failed}. */
  protected abstract released(): void;
  /** The error of what undici says is wrong, or of what was thrown while the response was taken. */
  protected abstract describe(error: unknown): Error;

  /** Ends the exchange with an error. */
  protected fail(error: unknown): void {
    if (this.#isOver) return;
    this.#end(error);
    this.failed(error);
  }

  /** Ends the exchange, although the response is not whole: the rest of it is not wanted. */
  protected complete(): void {
    if (this.#isOver) return;
    this.#end(undefined);
    this.completed();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up before there was a connection, nothing is written; and nothing is written a second time.
    if (this.#isOver || this.#controller !== undefined) controller.abort(ended());
    else this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: ParsedFields,
  ): void {
    if (this.#isOver || status < 200) return;
    try {
      this.started(status, fields);
    } catch (error) {
      this.fail(this.describe(error));
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // A parser that goes on after a pause may have nothing yet.
    if (this.#isOver || chunk.length === 0) return;
    try {
      this.received(chunk);
    } catch (error) {
      this.fail(this.describe(error));
    }
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.released();
    this.completed();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(this.describe(error));
  }

  #end(error: unknown): void {
    this.#isOver = true;
    this.released();
    this.#controller?.abort(error instanceof Error ? error : ended());
  }
}

function ended(): Error {
  return new Error("The exchange is over.");
}
