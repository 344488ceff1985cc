import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "./random.js";

/** Stands between a client and a server, and cuts connections at random bytes and times. */
export class CuttingProxy implements AsyncDisposable {
  /** How many connections were cut that were in use. */
  cuts = 0;
  readonly #server: Server;
  readonly #random: Random;
  readonly #longest: number;
  readonly #open = new Set<Socket>();
  #isCutting = false;
  #refuses = false;

  private constructor(server: Server, random: Random, longest: number) {
    this.#longest = longest;
    this.#server = server;
    this.#random = random;
  }

  /** @param longest how long a connection lasts at the most that is cut by time, in milliseconds. */
  static async start(url: string, random: Random, longest = 1_500): Promise<CuttingProxy> {
    const { hostname, port } = new URL(url);
    const target = { host: hostname, port: port === "" ? 389 : Number(port) };
    const server = createServer();
    const proxy = new CuttingProxy(server, random, longest);
    server.on("connection", (client) => {
      if (proxy.#refuses) client.destroy();
      else proxy.#join(client, connect(target));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("It does not listen.");
    return `ldap://127.0.0.1:${address.port}`;
  }

  /** From now on every connection is cut sooner or later. */
  begin(): void {
    this.#isCutting = true;
    for (const socket of this.#open) socket.destroy();
  }

  /** Leaves connections alone from now on. */
  calm(): void {
    this.#isCutting = false;
  }

  /** Ends all connections, and refuses others. */
  refuse(): void {
    this.#refuses = true;
    for (const socket of this.#open) socket.destroy();
  }

  /** Takes connections again. */
  accept(): void {
    this.#refuses = false;
  }

  #join(client: Socket, server: Socket): void {
    const random = this.#random;
    const byBytes = random.chance(0.5);
    // A bind takes some 30 bytes and a refresh some 100,000, so powers of two reach every part of a reading.
    let bytes = byBytes ? Math.floor(20 * 2 ** (random.next() * 14)) : Number.POSITIVE_INFINITY;
    const timer = byBytes
      ? undefined
      : setTimeout(() => this.#isCutting && cut(), random.between(5, this.#longest));
    const isAbrupt = random.chance(0.5);
    const close = (): void => {
      clearTimeout(timer);
      this.#open.delete(client);
      client.destroy();
      server.destroy();
    };
    const cut = (): void => {
      if (client.destroyed) return;
      this.cuts += 1;
      if (isAbrupt) client.resetAndDestroy();
      else client.end();
      close();
    };
    this.#open.add(client);
    client.pipe(server);
    server.on("data", (chunk: Buffer) => {
      if (this.#isCutting && chunk.length >= bytes) {
        client.write(chunk.subarray(0, bytes), cut);
        bytes = Number.POSITIVE_INFINITY;
        server.pause();
        return;
      }
      bytes -= chunk.length;
      if (client.write(chunk)) return;
      server.pause();
      client.once("drain", () => server.resume());
    });
    for (const socket of [client, server]) {
      socket.on("error", close);
      socket.on("close", close);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
