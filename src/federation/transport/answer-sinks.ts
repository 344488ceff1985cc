import type { FederationServer } from "../../repositories/index.js";
import { FederationError } from "../errors.js";
import { type FieldLines, fieldValue } from "../message/field-lines.js";
import type { Answer } from "../message/request.js";
import type { AnswerSink, Flow } from "./exchange.js";
import { defaultLimits } from "./pool.js";

/** The answer of a server, and which one it was. */
export interface ServerAnswer extends Answer {
  readonly server: FederationServer;
}

/** Collects an answer of bounded size. What is not one of an API, a redirect or a failure of the server, is refused at once. */
export class Collector implements AnswerSink {
  readonly answer: Promise<ServerAnswer>;
  readonly #server: FederationServer;
  readonly #identifier: string;
  readonly #maxSize: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #fields: FieldLines = [];
  #accept: (answer: ServerAnswer) => void = () => {};
  #refuse: (error: FederationError) => void = () => {};

  constructor(server: FederationServer) {
    const { identifier, limits } = server;
    this.#server = server;
    this.#identifier = identifier;
    this.#maxSize = limits?.answerSize ?? defaultLimits.answerSize;
    this.answer = new Promise((resolve, reject) => {
      this.#accept = resolve;
      this.#refuse = reject;
    });
  }

  start(status: number, fields: FieldLines): void {
    // A loop is no failure of the server that has found it, and all who are in it should learn of it.
    if (status >= 500 && status !== 508)
      throw new FederationError("server_error", this.#identifier);
    if (status >= 300 && status < 400) throw new FederationError("redirected", this.#identifier);
    if (Number(fieldValue(fields, "content-length") ?? 0) > this.#maxSize) this.#refuseSize();
    this.#status = status;
    this.#fields = fields;
  }

  data(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#maxSize) this.#refuseSize();
    this.#chunks.push(chunk);
  }

  end(error?: FederationError): void {
    if (error !== undefined) {
      this.#refuse(error);
      return;
    }
    const [first] = this.#chunks;
    const content =
      first !== undefined && this.#chunks.length === 1
        ? first
        : Buffer.concat(this.#chunks, this.#size);
    this.#accept({ server: this.#server, status: this.#status, fields: this.#fields, content });
  }

  #refuseSize(): never {
    throw new FederationError("answer_too_large", this.#identifier);
  }
}

/** Lets an answer flow into another sink, and says when it has begun. */
export class Beginning implements AnswerSink {
  readonly answer: Promise<{ readonly status: number }>;
  readonly #sink: AnswerSink;
  #hasBegun = false;
  #accept: (answer: { readonly status: number }) => void = () => {};
  #refuse: (error: FederationError) => void = () => {};

  constructor(sink: AnswerSink) {
    this.#sink = sink;
    this.answer = new Promise((resolve, reject) => {
      this.#accept = resolve;
      this.#refuse = reject;
    });
  }

  start(status: number, fields: FieldLines, flow: Flow): void {
    this.#sink.start(status, fields, flow);
    this.#hasBegun = true;
    this.#accept({ status });
  }

  data(chunk: Buffer): void {
    this.#sink.data(chunk);
  }

  end(error?: FederationError): void {
    if (this.#hasBegun) this.#sink.end(error);
    else if (error !== undefined) this.#refuse(error);
  }
}
