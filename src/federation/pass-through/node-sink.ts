import type { ServerResponse } from "node:http";
import { type FieldLines, fieldValue } from "../message/field-lines.js";
import { answerNodeRequest, endWith } from "../message/node.js";
import type { Answer } from "../message/request.js";
import type { FieldAllowList } from "../rewrite/field-allow-list.js";
import type { AnswerSink, Flow } from "../transport/server-exchange.js";

/** Writes an answer to a response of `node:http` as it comes, and no faster than the client takes it. */
export class NodeSink implements AnswerSink {
  readonly #response: ServerResponse;
  readonly #allowed: FieldAllowList;
  readonly #failure: (error: unknown) => Answer;
  #flow: Flow | undefined;
  #missing: number | undefined;

  /** @param failure makes the answer where there is none. */
  constructor(
    response: ServerResponse,
    allowed: FieldAllowList,
    failure: (error: unknown) => Answer,
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
      // An answer that has begun can only be cut off, so that nobody takes it for whole.
      this.#response.destroy();
    } else {
      try {
        answerNodeRequest(this.#response, this.#failure(error));
      } catch {
        // Something that nobody foresaw is not for the client.
        this.#response.destroy();
      }
    }
  }
}
