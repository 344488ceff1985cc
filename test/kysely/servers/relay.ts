import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { basename, join } from "node:path";
import { serverDirectory } from "./server-process.js";
import type { SqlServer } from "./sql-server.js";

/** What stands between the package and a server, and can lose what one says to the other. */
export interface Relay extends AsyncDisposable {
  /** The socket to connect to. */
  readonly socket: string;
  /**
   * Loses, once, the connection on which a statement with these words is sent next: before the statement reaches the
   * server, or with the answer to it.
   */
  lose(what: "statement" | "answer", words: string): void;
}

/** Starts a relay to a server. */
export async function startRelay(server: SqlServer): Promise<Relay> {
  const directory = await serverDirectory("relay");
  const socket = join(directory, basename(server.socket));
  const open = new Set<Socket>();
  let loss: { readonly what: "statement" | "answer"; readonly words: RegExp } | undefined;
  const relay = createServer((client) => {
    const upstream = connect(server.socket);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const side of [client, upstream]) {
      open.add(side);
      side.on("error", end);
      side.on("close", () => {
        open.delete(side);
        end();
      });
    }
    let losesAnswer = false;
    client.on("data", (bytes) => {
      if (loss?.words.test(bytes.toString("latin1"))) {
        losesAnswer = loss.what === "answer";
        loss = undefined;
        if (!losesAnswer) return end();
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (losesAnswer) end();
      else client.write(bytes);
    });
  });
  relay.listen(socket);
  await once(relay, "listening");
  return {
    socket,
    lose(what, words) {
      loss = { what, words: new RegExp(`\\b${words}\\b`) };
    },
    async [Symbol.asyncDispose]() {
      relay.close();
      for (const side of open) side.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
