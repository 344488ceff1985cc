import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Stands between a client and a server, and can keep back what one says to the other, or refuse connections. */
export class TcpRelay implements AsyncDisposable {
  /** The server, by a URL or the path of its socket, once it is known. Until then connections are refused. */
  target: string | undefined;
  /** Gets what is said, in both directions. */
  tap: ((chunk: Buffer) => void) | undefined;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #isPaused = false;
  #refuses = false;

  private constructor(server: Server, target: string | undefined) {
    this.#server = server;
    this.target = target;
    server.on("connection", (client) => this.#join(client));
  }

  static async start(target?: string): Promise<TcpRelay> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpRelay(server, target);
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("It does not listen.");
    return `ldap://127.0.0.1:${address.port}`;
  }

  /** Keeps back whatever is said from now on, on connections that there are and on new ones. */
  pause(): void {
    this.#isPaused = true;
    for (const socket of this.#open) socket.pause();
  }

  /** Passes on what was kept back, and everything from now on. */
  resume(): void {
    this.#isPaused = false;
    for (const socket of this.#open) socket.resume();
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

  #join(client: Socket): void {
    if (this.target === undefined || this.#refuses) {
      client.destroy();
      return;
    }
    const server = this.target.startsWith("/")
      ? connect(this.target)
      : connect(Number(new URL(this.target).port), "127.0.0.1");
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(from);
      from.on("data", (chunk) => {
        this.tap?.(chunk);
        if (to.write(chunk)) return;
        from.pause();
        to.once("drain", () => this.#isPaused || from.resume());
      });
      const end = (): void => {
        this.#open.delete(from);
        to.destroy();
        from.destroy();
      };
      from.on("error", end);
      from.on("close", end);
      if (this.#isPaused) from.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
