import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Ends a server, and removes its directory, when this process is gone, however it went: a worker of the test runner may
 * be killed, and then no handler of its own runs.
 */
export function killWithThisProcess(server: ChildProcess, directory: string): ChildProcess {
  // "cat" ends when the other end of its input is closed, which the system does for a process that died.
  const script = 'cat > /dev/null; kill -KILL "$0" && rm -rf "$1"';
  return spawn("/bin/sh", ["-c", script, String(server.pid), directory], {
    stdio: ["pipe", "ignore", "ignore"],
  });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}

/** @param check throws if the server has ended. */
export async function untilItListens(port: number, check: () => void): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    check();
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`The server does not listen on port ${port}.`);
}
