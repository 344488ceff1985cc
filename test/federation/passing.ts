import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  ConfiguredServers,
  type Federation,
  type PassThroughOptions,
  passThrough,
} from "concordat/federation";
import type { FederationServer } from "concordat/repositories";

/** A server, and where it is. */
export interface Running extends AsyncDisposable {
  readonly url: string;
}

/** Starts a server on the loopback interface. */
export async function serve(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Running> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A parent that passes everything on to an API. */
export async function passing(
  api: Running,
  options: Partial<PassThroughOptions> = {},
  changes: Partial<FederationServer> = {},
): Promise<Running & { readonly federation: Federation }> {
  const servers = new ConfiguredServers([
    { identifier: "api", url: `${api.url}/base`, allowCleartext: true, ...changes },
  ]);
  const federation = passThrough({ servers, to: ["api"], id: "parent", ...options });
  const running = await serve(federation.listener);
  return {
    url: running.url,
    federation,
    [Symbol.asyncDispose]: async () => {
      await running[Symbol.asyncDispose]();
      await federation[Symbol.asyncDispose]();
    },
  };
}
