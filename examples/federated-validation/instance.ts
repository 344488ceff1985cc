import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Handler, nodeListener } from "concordat/node";

/** A server in this process, which can be stopped and started again at the same address. */
export class Instance {
  readonly name: string;
  readonly #listener: RequestListener;
  #server: Server | undefined;
  #port: number;

  /** @param port 0 for one that is free. */
  constructor(name: string, handler: Handler, port = 0) {
    this.name = name;
    this.#listener = nodeListener(handler);
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get isRunning(): boolean {
    return this.#server !== undefined;
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer(this.#listener);
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Stops as if somebody had pulled the plug: whatever is under way is cut off. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
}
