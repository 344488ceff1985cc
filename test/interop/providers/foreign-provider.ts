import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Authorization } from "concordat/scim-client";

/** A service provider that somebody else made, running. */
export interface ForeignProvider extends AsyncDisposable {
  readonly baseUrl: string;
  readonly authorization: Authorization;
  /** Its store, where that can be looked into; else all of it is read over HTTP. */
  readonly store?: {
    readonly users: ReadonlyMap<string, object>;
    readonly groups: ReadonlyMap<string, object>;
  };
}

export const token = "h480djs93hd8";

/** Where a server listens. */
export interface Listening extends AsyncDisposable {
  readonly origin: string;
}

/** Puts a listener on a port of this machine. */
export async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A port on which no server listens. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A program to start, and how to see that it is at work. */
export interface ForeignProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is asked for this until it is answered, by any status. */
  readonly probe: string;
  /** How long that may take, in milliseconds. */
  readonly patience: number;
}

/** Starts a program; disposing of it ends it. */
export async function startForeignProgram(program: ForeignProgram): Promise<AsyncDisposable> {
  const { command, args, env = {}, probe, patience } = program;
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let said = "";
  const listenTo = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-10_000);
  };
  child.stdout.on("data", listenTo);
  child.stderr.on("data", listenTo);
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    // What it started itself goes with it.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await ended;
  };
  const deadline = performance.now() + patience;
  for (;;) {
    if (await answers(probe)) return { [Symbol.asyncDispose]: stop };
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`${command} does not answer. It said:\n${said}`);
    }
    await sleep(100);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
