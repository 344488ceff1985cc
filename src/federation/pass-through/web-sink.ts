import { headersOf } from "../../http/index.js";
import { type FieldLines, fieldValue } from "../message/field-lines.js";
import { hasNoBody } from "../message/web.js";
import type { FieldAllowList } from "../rewrite/field-allow-list.js";
import type { Flow, ResponseSink } from "../transport/server-exchange.js";

/** Makes a Web `Response` of the response of a server as it comes, and no faster than it is read. */
export class WebSink implements ResponseSink {
  /** The response, as soon as the response has begun. Rejects if there is none. */
  readonly response: Promise<Response>;
  readonly #allowed: FieldAllowList;
  #begin: (response: Response) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  #flow: Flow | undefined;

  constructor(allowed: FieldAllowList) {
    this.#allowed = allowed;
    this.response = new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#fail = reject;
    });
  }

  start(status: number, fields: FieldLines, flow: Flow): void {
    this.#flow = flow;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
      pull: () => flow.resume(),
      cancel: () => flow.abandon(),
    });
    const lines = this.#allowed.filter(fields);
    const length = fieldValue(fields, "content-length");
    if (length !== undefined) lines.push("content-length", length);
    const headers = headersOf(lines);
    this.#begin(new Response(hasNoBody(status) ? null : body, { status, headers }));
  }

  data(chunk: Buffer): void {
    this.#body?.enqueue(chunk);
    if ((this.#body?.desiredSize ?? 1) <= 0) this.#flow?.pause();
  }

  end(error?: unknown): void {
    if (error === undefined) {
      this.#body?.close();
    } else {
      // One of the two: there is no body before the response has begun.
      this.#fail(error);
      this.#body?.error(error);
    }
  }
}
