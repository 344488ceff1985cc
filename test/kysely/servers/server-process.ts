import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants, mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Who a process runs as; without it, who this process runs as. */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

/** A command that starts a server and keeps it in the foreground. */
export interface ServerCommand extends RunAs {
  readonly path: string;
  readonly args: readonly string[];
  /** The signal that ends the server at once, whatever its clients do. */
  readonly end: "SIGQUIT" | "SIGKILL";
  /** Resolves once the server answers, and rejects as long as it does not. */
  answers(): Promise<void>;
}

/**
 * A new directory, whose path is short enough for the sockets in it. It is in memory, where Linux has room for that:
 * each table of MariaDB is a file, and making one takes many times as long on a disk that others write to.
 */
export async function serverDirectory(name: string): Promise<string> {
  return await mkdtemp(join((await memoryDirectory()) ?? tmpdir(), `concordat-${name}-`));
}

async function memoryDirectory(): Promise<string | undefined> {
  const path = "/dev/shm";
  try {
    const { bavail, bsize } = await statfs(path);
    await access(path, constants.W_OK);
    return bavail * bsize > 2 ** 30 ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Starts a server that keeps everything in `directory`. What is returned ends it, and removes the directory. */
export async function startServer(
  directory: string,
  { path, args, end, answers, ...runAs }: ServerCommand,
): Promise<AsyncDisposable> {
  const server = spawn(path, args, { ...runAs, cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  const listen = (chunk: Buffer): void => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  };
  server.stdout.on("data", listen);
  server.stderr.on("data", listen);
  const exit = once(server, "exit");
  let hasEnded = false;
  server.once("exit", () => {
    hasEnded = true;
  });
  const guard = endWithThisProcess(server, end, directory);
  await untilItAnswers(answers, () => {
    if (hasEnded) throw new Error(`${path} ended at once: ${complaint}`);
  });
  return {
    async [Symbol.asyncDispose]() {
      server.kill(end);
      await exit;
      guard.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Ends a server, and removes its directory, when this process is gone, however it went. */
function endWithThisProcess(server: ChildProcess, signal: string, directory: string): ChildProcess {
  // "cat" ends when the other end of its input is closed, which the system does for a process that died.
  const script = 'cat > /dev/null; kill -s "$1" "$0"; sleep 1; rm -rf "$2"';
  const args = [String(server.pid), signal.slice("SIG".length), directory];
  return spawn("/bin/sh", ["-c", script, ...args], { stdio: ["pipe", "ignore", "ignore"] });
}

async function untilItAnswers(answers: () => Promise<void>, check: () => void): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < 1500; attempt++) {
    check();
    try {
      return await answers();
    } catch (error) {
      last = error;
      await sleep(20);
    }
  }
  throw new Error("The server does not answer.", { cause: last });
}
