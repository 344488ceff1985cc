import type { FederationServer } from "../../repositories/index.js";
import { FederationError, type FederationReason } from "../errors.js";
import { type FieldLines, fieldValue } from "../message/field-lines.js";
import type { Answer } from "../message/request.js";
import type { AnswerSink } from "./exchange.js";
import { defaultLimits } from "./pool.js";

/** The answer of a server, and which one it was. */
export interface ServerAnswer extends Answer {
  readonly server: FederationServer;
}

/** Collects an answer of bounded size. What is not one of an API, a redirect or a failure of the server, is refused at once. */
export class Collector implements AnswerSink {
  readonly #server: FederationServer;
  readonly #collected: (answer: ServerAnswer) => void;
  readonly #maxSize: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #fields: FieldLines = [];

  constructor(server: FederationServer, collected: (answer: ServerAnswer) => void) {
    this.#server = server;
    this.#collected = collected;
    this.#maxSize = server.limits?.answerSize ?? defaultLimits.answerSize;
  }

  start(status: number, fields: FieldLines): void {
    // A loop is no failure of the server that has found it, and all who are in it should learn of it.
    if (status >= 500 && status !== 508) throw this.#refusal("server_error");
    if (status >= 300 && status < 400) throw this.#refusal("redirected");
    this.#demandSize(Number(fieldValue(fields, "content-length") ?? 0));
    this.#status = status;
    this.#fields = fields;
  }

  data(chunk: Buffer): void {
    this.#size += chunk.length;
    this.#demandSize(this.#size);
    this.#chunks.push(chunk);
  }

  end(): void {
    const [first] = this.#chunks;
    const content =
      first !== undefined && this.#chunks.length === 1
        ? first
        : Buffer.concat(this.#chunks, this.#size);
    this.#collected({ server: this.#server, status: this.#status, fields: this.#fields, content });
  }

  #demandSize(size: number): void {
    if (size > this.#maxSize) throw this.#refusal("answer_too_large");
  }

  #refusal(reason: FederationReason): FederationError {
    return new FederationError(reason, this.#server.identifier);
  }
}
