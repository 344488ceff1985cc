import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, connect, type NatsConnection } from "@nats-io/transport-node";
import { installedPeer } from "../foreign-peers.js";

/** The server of NATS, where one is new enough. */
export const natsBinary: string | undefined = binaryOf(installedPeer("nats"));

/** Whether there is a server of NATS that is new enough. */
export const natsIsInstalled: boolean = natsBinary !== undefined;

function binaryOf(folder: string | undefined): string | undefined {
  const candidates = [
    process.env["CONCORDAT_NATS"],
    folder && join(folder, "venv/bin/nats-server"),
  ];
  return candidates.find((path) => {
    if (path === undefined || !existsSync(path)) return false;
    const [, major = 0, minor = 0] =
      /v(\d+)\.(\d+)/.exec(execFileSync(path, ["-v"], { encoding: "utf8" }))?.map(Number) ?? [];
    return major > 2 || (major === 2 && minor >= 12);
  });
}

/** One or three servers of NATS with JetStream, on addresses of this machine. */
export class NatsServers {
  readonly #folder: string;
  readonly #ports: readonly number[];
  readonly #processes = new Map<number, ChildProcess>();

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder;
    this.#ports = ports;
  }

  /** @param more what else the configuration of each says. */
  static async start(count: 1 | 3, more = ""): Promise<NatsServers> {
    const folder = await mkdtemp(join(tmpdir(), "concordat-nats-"));
    const all = await freePorts(count * 2);
    const [ports, routes] = [all.slice(0, count), all.slice(count)];
    for (const [index, port] of ports.entries()) {
      const cluster =
        count === 1
          ? ""
          : `cluster { name: concordat, listen: "127.0.0.1:${routes[index]}",
              routes: [${routes.map((route) => `"nats://127.0.0.1:${route}"`).join(", ")}] }`;
      await writeFile(
        join(folder, `${index}.conf`),
        `server_name: s${index}
        listen: "127.0.0.1:${port}"
        max_payload: 8MB
        jetstream { store_dir: "${folder}/${index}", max_mem: 64M, max_file: 20G, sync_interval: always }
        ${cluster}
        ${more}`,
      );
    }
    const servers = new NatsServers(folder, ports);
    for (const index of ports.keys()) servers.begin(index);
    return servers;
  }

  /** Where they listen. */
  get addresses(): readonly string[] {
    return this.#ports.map((port) => `127.0.0.1:${port}`);
  }

  get size(): number {
    return this.#ports.length;
  }

  /** Starts a server that is not there. */
  begin(index: number): void {
    if (natsBinary === undefined) throw new Error("There is no server of NATS.");
    const arguments_ = ["-c", join(this.#folder, `${index}.conf`)];
    const server = spawn(natsBinary, arguments_, { stdio: "ignore" });
    this.#processes.set(index, server);
  }

  /** Kills a server, which has no time to say so. */
  async kill(index: number): Promise<void> {
    const server = this.#processes.get(index);
    if (server === undefined) return;
    this.#processes.delete(index);
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
  }

  /** @param attempts how often it is tried, since a server takes a while to start. */
  async connect(options: ConnectionOptions = {}, attempts = 200): Promise<NatsConnection> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await connect({
          servers: [...this.addresses],
          maxReconnectAttempts: -1,
          reconnectTimeWait: 50,
          ...options,
        });
      } catch (error) {
        if (attempt === attempts) throw error;
        await sleep(50);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const index of [...this.#processes.keys()]) await this.kill(index);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
