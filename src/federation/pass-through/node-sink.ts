import type { ServerResponse } from "node:http";
import { type FieldLines, fieldValue } from "../message/field-lines.js";
import { endWith, sendNodeResponse } from "../message/node.js";
import type { BufferedResponse } from "../message/request.js";
import type { FieldAllowList } from "../rewrite/field-allow-list.js";
import type { Flow, ResponseSink } from "../transport/server-exchange.js";

/** Writes a response to one of `node:http` as it comes, and no faster than the client takes it. */
export class NodeSink implements ResponseSink {
  readonly #response: ServerResponse;
  readonly #allowed: FieldAllowList;
  readonly #failure: (error: unknown) => BufferedResponse;
  #flow: Flow | undefined;
  #missing: number | undefined;

  /** @param failure makes the response where there is none. */
  constructor(
    response: ServerResponse,
    allowed: FieldAllowList,
    failure: (error: unknown) => BufferedResponse,
  ) {
    this.#response = response;
    this.#allowed = allowed;
    this.#failure = failure;
  }

  start(status: number, fields: FieldLines, flow: Flow): void {
    const lines = this.#allowed.filter(fields);
    const length = fieldValue(fields, "content-length");
    if (length !== undefined) {
      lines.push("content-length", length);
      this.#missing = Number(length);
    }
    this.#flow = flow;
    this.#response.writeHead(status, lines);
  }

  data(chunk: Buffer): void {
    if (this.#missing !== undefined) this.#missing -= chunk.length;
    if (this.#missing === 0) endWith(this.#response, chunk);
    else if (!this.#response.write(chunk)) {
      this.#flow?.pause();
      this.#response.once("drain", () => this.#flow?.resume());
    }
  }

  end(error?: unknown): void {
    if (error === undefined) {
      if (!this.#response.writableEnded) this.#response.end();
    } else if (this.#response.headersSent) {
      // A response that has begun can only be cut off, so that the client does not take it for whole.
      this.#response.destroy();
    } else {
      try {
        sendNodeResponse(this.#response, this.#failure(error));
      } catch {
        // An unforeseen error is not for the client.
        this.#response.destroy();
      }
    }
  }
}
