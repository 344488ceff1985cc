import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { nodeListener } from "concordat/node";
import { ScimClient, type ScimClientOptions } from "concordat/scim-client";
import {
  bearerTokens,
  createScimServer,
  type Principal,
  type ScimServerOptions,
} from "concordat/scim-server";
import { inMemory, type Stores, sha256 } from "../scim-server/provider.js";

export const token = "h480djs93hd8";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** A service provider on a port, and a client of it. */
export interface RunningProvider extends Stores, AsyncDisposable {
  readonly baseUrl: string;
  readonly client: ScimClient;
  readonly server: Server;
  /** The requests that have come, as method and path with the query. */
  readonly requests: string[];
  /** Another client of the same. */
  connect(options?: Partial<ScimClientOptions>): ScimClient;
}

export interface ProviderOptions {
  readonly stores?: Stores;
  readonly server?: Partial<ScimServerOptions<Principal>>;
  readonly client?: Partial<ScimClientOptions>;
  /** What stands before the service provider, and answers in its place or lets a request through. */
  readonly before?: (next: Listener) => Listener;
}

/** Starts the package's own service provider. */
export async function startProvider(options: ProviderOptions = {}): Promise<RunningProvider> {
  const { stores = inMemory(), before = (next) => next } = options;
  const requests: string[] = [];
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`;
  const handler = createScimServer<Principal>({
    baseUrl,
    authenticate: bearerTokens([{ sha256: sha256(token), principal: { id: "client" } }]),
    repositories: () => stores,
    mayWrite: () => true,
    ...options.server,
  });
  const listener = before(nodeListener(handler));
  server.on("request", (request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/^\/v2/, "")}`);
    listener(request, response);
  });
  const clients: ScimClient[] = [];
  const connect: RunningProvider["connect"] = (own = {}) => {
    const client = new ScimClient({
      baseUrl,
      authorization: `Bearer ${token}`,
      allowCleartext: true,
      ...options.client,
      ...own,
    });
    clients.push(client);
    return client;
  };
  return {
    ...stores,
    baseUrl,
    client: connect(),
    server,
    requests,
    connect,
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
