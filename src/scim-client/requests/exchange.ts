import type { Dispatcher } from "undici";
import { HttpExchange, type ParsedFields } from "../../http/client/index.js";
import { BodyBuffer } from "../../http/index.js";

/** A request as it is written to the wire. */
export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** The path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A response as it came from the wire. */
export interface WireResponse {
  readonly status: number;
  /** The value of a header field; the first, where there are several. */
  header(name: string): string | undefined;
  readonly body: Buffer;
  /** Whether the body is longer than the limit, and was not read to its end. */
  readonly isCut?: boolean;
}

/** There is no response, or none that was read to its end. */
export class NoResponseError extends Error {
  override readonly name = "NoResponseError";
  /** Whether a byte of the request may have been sent. */
  readonly isSent: boolean;
  /** Whether the response was refused, rather than missing. */
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
  /** The longest body of the response, in bytes. */
  readonly maxBodyBytes: number;
}

/**
 * Sends a request and collects its response. Where something was done, that is known from the status, however long the
 * body is.
 *
 * @throws {ExchangeError} there is no response, or it is too late, or too large and not the response to a write that
 * was done.
 * @throws the signal's reason.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: WireRequest,
  limits: ExchangeLimits,
  signal?: AbortSignal,
): Promise<WireResponse> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const { method, target: path, headers, body = null } = request;
    const collecting = new CollectingExchange(method !== "GET", limits, signal, {
      resolve,
      reject,
    });
    collecting.dispatch(dispatcher, { method, path, headers, body });
  });
}

/** Who waits for the response. */
interface Settle {
  readonly resolve: (response: WireResponse) => void;
  readonly reject: (error: unknown) => void;
}

/** Collects one response. */
class CollectingExchange extends HttpExchange {
  readonly #isWrite: boolean;
  readonly #limits: ExchangeLimits;
  readonly #signal: AbortSignal | undefined;
  readonly #settle: Settle;
  readonly #timer: NodeJS.Timeout;
  readonly #body: BodyBuffer;
  #status = 0;
  #fields: ParsedFields = {};
  #isCut = false;

  constructor(
    isWrite: boolean,
    limits: ExchangeLimits,
    signal: AbortSignal | undefined,
    settle: Settle,
  ) {
    super();
    this.#isWrite = isWrite;
    this.#limits = limits;
    this.#signal = signal;
    this.#settle = settle;
    this.#body = new BodyBuffer(limits.maxBodyBytes);
    this.#timer = setTimeout(() => this.#refuse("It takes too long."), limits.total);
    signal?.addEventListener("abort", this.#abort);
  }

  protected override started(status: number, fields: ParsedFields): void {
    this.#status = status;
    this.#fields = fields;
    if (!this.#body.mayHave(first(fields["content-length"]))) this.#cut();
  }

  protected override received(chunk: Buffer): void {
    if (!this.#body.add(chunk)) this.#cut();
  }

  protected override completed(): void {
    const [status, fields] = [this.#status, this.#fields];
    const response = { status, header: (name: string) => first(fields[name]) };
    this.#settle.resolve(
      this.#isCut
        ? { ...response, body: Buffer.alloc(0), isCut: true }
        : { ...response, body: this.#body.bytes() },
    );
  }

  protected override failed(error: unknown): void {
    this.#settle.reject(error);
  }

  protected override released(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  protected override describe(cause: unknown): Error {
    return new NoResponseError("The service provider cannot be reached, or broke off.", {
      isSent: this.isSent,
      cause,
    });
  }

  /** The body is too long. */
  #cut(): void {
    this.#isCut = this.#isWrite && this.#status < 300;
    if (this.#isCut) this.complete();
    else this.#refuse(`The response is longer than ${this.#limits.maxBodyBytes} bytes.`, true);
  }

  #refuse(reason: string, isRefused = false): void {
    this.fail(new NoResponseError(reason, { isSent: this.isSent, isRefused }));
  }

  readonly #abort = (): void => this.fail(this.#signal?.reason);
}

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
