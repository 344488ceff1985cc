import { once } from "node:events";
import { createAdaptorServer } from "@hono/node-server";
import type { Fetch } from "concordat/sso";
import type { Hono } from "hono";

/** A port that is listened on, to which an application is given as soon as it is there. */
export interface Listener extends AsyncDisposable {
  /** Where browsers find it, such as `http://wiki.localhost:8701`. */
  readonly origin: string;
  serve(application: Hono): void;
}

/**
 * Listens for one site, on this machine only. Each has a host name of its own, since browsers share cookies between the
 * ports of one name.
 *
 * @param port 0 for any that is free.
 */
export async function listen(host: string, port: number): Promise<Listener> {
  let application: Hono | undefined;
  const server = createAdaptorServer({
    fetch: (request) => application?.fetch(request) ?? new Response(null, { status: 503 }),
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("There is no port.");
  return {
    origin: `http://${host}:${address.port}`,
    serve(given) {
      application = given;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      // Browsers keep their connections open.
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Sends what one site says to another. Browsers know that the names below `localhost` are this machine (RFC 6761 §6.3),
 * and Node.js leaves it to the system, which may not. With real host names, leave this out.
 */
export const fetchHere: Fetch = (request) => {
  const url = new URL(request.url);
  url.hostname = "127.0.0.1";
  return fetch(new Request(url, request));
};
