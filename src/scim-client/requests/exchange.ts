import type { Dispatcher } from "undici";

/** A request as it is written to the wire. */
export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** The path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer as it came from the wire. */
export interface WireAnswer {
  readonly status: number;
  /** The value of a header field; the first, where there are several. */
  header(name: string): string | undefined;
  readonly body: Buffer;
  /** Whether the body is longer than the limit, and was not read to its end. */
  readonly isCut?: boolean;
}

/** There is no answer, or none that was read to its end. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  /** Whether a byte of the request may have been sent. */
  readonly isSent: boolean;
  /** Whether the answer was refused, rather than missing. */
  readonly isRefused: boolean;

  constructor(
    message: string,
    options: { readonly isSent: boolean; readonly isRefused?: boolean; readonly cause?: unknown },
  ) {
    const { isSent, isRefused = false, ...rest } = options;
    super(message, rest);
    this.isSent = isSent;
    this.isRefused = isRefused;
  }
}

/** How much one exchange may take. */
export interface ExchangeLimits {
  /** In milliseconds. */
  readonly total: number;
  /** The longest answer, in bytes. */
  readonly bytes: number;
}

/**
 * Sends a request and collects its answer. Where something was done, that is known from the status, however long the body is.
 *
 * @throws {ExchangeError} there is no answer, or it is too late, or too large and not the answer to a write that was done.
 * @throws the signal's reason.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: WireRequest,
  limits: ExchangeLimits,
  signal?: AbortSignal,
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const { method, target: path, headers, body = null } = request;
    const collector = new Collector(method !== "GET", limits, signal, { resolve, reject });
    try {
      dispatcher.dispatch({ method, path, headers, body }, collector);
    } catch (error) {
      collector.fail(error);
    }
  });
}

/** Who waits for the answer. */
interface Settle {
  readonly resolve: (answer: WireAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects one answer. It knows whether a byte of the request may have been written: from the moment at which undici takes a
 * connection for it.
 */
class Collector implements Dispatcher.DispatchHandler {
  readonly #isWrite: boolean;
  readonly #limits: ExchangeLimits;
  readonly #signal: AbortSignal | undefined;
  readonly #settle: Settle;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;

  constructor(
    isWrite: boolean,
    limits: ExchangeLimits,
    signal: AbortSignal | undefined,
    settle: Settle,
  ) {
    this.#isWrite = isWrite;
    this.#limits = limits;
    this.#signal = signal;
    this.#settle = settle;
    this.#timer = setTimeout(() => this.#give("It takes too long."), limits.total);
    signal?.addEventListener("abort", this.#abort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up before there was a connection, nothing is written; and nothing is written a second time.
    if (this.#isOver || this.#controller !== undefined) {
      controller.abort(new Error("The request is over."));
      return;
    }
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (this.#isOver || status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (Number(first(headers["content-length"]) ?? 0) > this.#limits.bytes) this.#refuseSize();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#size += chunk.length;
    if (this.#size > this.#limits.bytes) this.#refuseSize();
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#settle.resolve(this.#answer(Buffer.concat(this.#chunks, this.#size)));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** Ends with what undici says is wrong. */
  fail(cause: unknown): void {
    this.#end(
      new ExchangeError("The service provider cannot be reached, or broke off.", {
        isSent: this.#controller !== undefined,
        cause,
      }),
    );
  }

  #answer(body: Buffer): WireAnswer {
    const headers = this.#headers;
    return { status: this.#status, header: (name) => first(headers[name]), body };
  }

  #refuseSize(): void {
    if (this.#isWrite && this.#status < 300) {
      this.#finish();
      this.#controller?.abort(new Error("The rest of the answer is not wanted."));
      this.#settle.resolve({ ...this.#answer(Buffer.alloc(0)), isCut: true });
      return;
    }
    this.#give(`The answer is longer than ${this.#limits.bytes} bytes.`, true);
  }

  #give(reason: string, isRefused = false): void {
    const isSent = this.#controller !== undefined;
    this.#end(new ExchangeError(reason, { isSent, isRefused }));
  }

  readonly #abort = (): void => this.#end(this.#signal?.reason);

  #end(error: unknown): void {
    if (this.#isOver) return;
    this.#finish();
    this.#controller?.abort(new Error("The request is over."));
    this.#settle.reject(error);
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }
}

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
