import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { FederationError } from "../errors.js";

/**
 * The content of a request of `node:http` as it comes.
 *
 * Its reader may give it up, as undici does when the response comes first. What is left of it is then read and
 * forgotten, as long as the server lets the request take, so that the client gets the response, and the next request on
 * the connection is read. If it is the client that breaks off, the content ends with a {@link FederationError} that
 * says so.
 */
export class NodeContent extends Readable {
  readonly #request: IncomingMessage;
  #isBegun = false;

  constructor(request: IncomingMessage) {
    super({ highWaterMark: request.readableHighWaterMark });
    this.#request = request;
  }

  override _read(): void {
    const request = this.#request;
    if (!this.#isBegun) {
      this.#isBegun = true;
      request.on("data", (chunk: Buffer) => {
        if (!this.destroyed && !this.push(chunk)) request.pause();
      });
      request.once("end", () => this.push(null));
      request.once("error", () => this.destroy(new FederationError("abandoned")));
    }
    request.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#isBegun) this.#request.resume();
    done(error);
  }
}
