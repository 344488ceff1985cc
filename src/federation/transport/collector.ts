import type { FederationServer } from "../../repositories/index.js";
import { FederationError } from "../errors.js";
import { type FieldLines, fieldValue } from "../message/field-lines.js";
import type { Answer } from "../message/request.js";
import { defaultLimits } from "./pool.js";
import type { AnswerSink, Flow } from "./server-exchange.js";

/** The answer of a server, and which one it was. */
export interface ServerAnswer extends Answer {
  readonly server: FederationServer;
}

/** Collects an answer of bounded size. What is not one of an API, a redirect or a failure of the server, is refused at once. */
export class Collector implements AnswerSink {
  readonly #collected: (answer: ServerAnswer) => void;
  readonly #failed: (error: unknown) => void;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #fields: FieldLines = [];
  #server: FederationServer | undefined;

  /** One of the two is called, once. */
  constructor(collected: (answer: ServerAnswer) => void, failed: (error: unknown) => void) {
    this.#collected = collected;
    this.#failed = failed;
  }

  start(status: number, fields: FieldLines, _flow: Flow, server: FederationServer): void {
    const { identifier } = server;
    // A loop is no failure of the server that has found it, and all who are in it should learn of it.
    if (status >= 500 && status !== 508) throw new FederationError("server_error", identifier);
    if (status >= 300 && status < 400) throw new FederationError("redirected", identifier);
    demandSize(Number(fieldValue(fields, "content-length") ?? 0), server);
    this.#status = status;
    this.#fields = fields;
    this.#server = server;
  }

  data(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#server !== undefined) demandSize(this.#size, this.#server);
    this.#chunks.push(chunk);
  }

  end(error?: unknown): void {
    const server = this.#server;
    if (error !== undefined || server === undefined) {
      this.#failed(error);
      return;
    }
    const [first] = this.#chunks;
    const content =
      first !== undefined && this.#chunks.length === 1
        ? first
        : Buffer.concat(this.#chunks, this.#size);
    this.#collected({ server, status: this.#status, fields: this.#fields, content });
  }
}

/** @throws {FederationError} an answer is larger than the server's may be. */
function demandSize(size: number, { identifier, limits }: FederationServer): void {
  const maxSize = limits?.answerSize ?? defaultLimits.answerSize;
  if (size > maxSize) throw new FederationError("answer_too_large", identifier);
}
