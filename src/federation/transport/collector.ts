import { BodyBuffer } from "../../http/index.js";
import type { FederationServer } from "../../repositories/index.js";
import { FederationError } from "../errors.js";
import { type FieldLines, fieldValue } from "../message/field-lines.js";
import type { BufferedResponse } from "../message/request.js";
import { defaultLimits } from "./pool.js";
import type { Flow, ResponseSink } from "./server-exchange.js";

/** The response of a server, and which one it was. */
export interface ForwardedResponse extends BufferedResponse {
  /** The server that sent it. */
  readonly server: FederationServer;
}

/**
 * Collects a response of bounded size. What is not one of an API, a redirect or a failure of the server, is refused at
 * once.
 */
export class Collector implements ResponseSink {
  readonly #collected: (response: ForwardedResponse) => void;
  readonly #failed: (error: unknown) => void;
  #body = new BodyBuffer(0);
  #status = 0;
  #fields: FieldLines = [];
  #server: FederationServer | undefined;

  /** One of the two is called, once. */
  constructor(collected: (response: ForwardedResponse) => void, failed: (error: unknown) => void) {
    this.#collected = collected;
    this.#failed = failed;
  }

  start(status: number, fields: FieldLines, _flow: Flow, server: FederationServer): void {
    const { identifier } = server;
    // A loop is no failure of the server that has found it, and all who are in it should learn of it.
    if (status >= 500 && status !== 508) throw new FederationError("server_error", identifier);
    if (status >= 300 && status < 400) throw new FederationError("redirected", identifier);
    this.#body = new BodyBuffer(server.limits?.answerSize ?? defaultLimits.answerSize);
    if (!this.#body.mayHave(fieldValue(fields, "content-length"))) throw tooLarge(server);
    this.#status = status;
    this.#fields = fields;
    this.#server = server;
  }

  data(chunk: Buffer): void {
    if (!this.#body.add(chunk) && this.#server !== undefined) throw tooLarge(this.#server);
  }

  end(error?: unknown): void {
    const server = this.#server;
    if (error !== undefined || server === undefined) {
      this.#failed(error);
      return;
    }
    const content = this.#body.bytes();
    this.#collected({ server, status: this.#status, fields: this.#fields, content });
  }
}

/** The error of a response that is longer than the server's may be. */
function tooLarge({ identifier }: FederationServer): FederationError {
  return new FederationError("answer_too_large", identifier);
}
