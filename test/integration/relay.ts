import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What goes wrong between a template and its application. */
export type Trouble = "none" | "answers 500" | "is silent" | "loses the answer";

/** A proxy in front of an application. */
export interface Relay extends AsyncDisposable {
  readonly url: string;
  /** "loses the answer" is over after one. */
  trouble: Trouble;
}

/** Starts a proxy that hands on all requests, until there is trouble. */
export async function startRelay(
  target: string,
  isWrite: (method: string, body: string) => boolean,
): Promise<Relay> {
  const server = createServer(async (request, response) => {
    if (relay.trouble === "answers 500") return response.writeHead(500).end();
    if (relay.trouble === "is silent") return;
    const { method = "GET", url = "/" } = request;
    try {
      const body = await buffer(request);
      const headers = new Headers();
      for (const name of ["authorization", "content-type", "accept", "cookie", "origin"]) {
        const value = request.headers[name];
        if (typeof value === "string") headers.set(name, value);
      }
      const answer = await fetch(new URL(url, target), {
        method,
        headers,
        redirect: "manual",
        ...(body.length > 0 && { body }),
      });
      const found = Buffer.from(await answer.arrayBuffer());
      if (relay.trouble === "loses the answer" && isWrite(method, body.toString())) {
        relay.trouble = "none";
        return response.destroy();
      }
      const back: Record<string, string> = {};
      for (const name of ["content-type", "location", "set-cookie"]) {
        const value = answer.headers.get(name);
        if (value !== null) back[name] = value;
      }
      return response.writeHead(answer.status, back).end(found);
    } catch {
      return response.destroy();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const relay: Relay = {
    url: `http://127.0.0.1:${port}/`,
    trouble: "none",
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
  return relay;
}
