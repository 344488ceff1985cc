import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  ConfiguredServers,
  type FederateOptions,
  type Federation,
  federate,
  type Handler,
} from "concordat/federation";
import type { FederationServer } from "concordat/repositories";
import type { Child } from "concordat/testing/federation";

/** A parent that is served by `node:http`. */
export interface Parent extends AsyncDisposable {
  readonly url: string;
  readonly federation: Federation;
  /** How often the parent's own handler was asked. */
  readonly asked: { count: number };
}

/** The response of a parent that knows no user. */
export const localAnswer: string =
  '{"detail": {"message": "wrong otp pin", "threadid": 1}, "id": 2, "jsonrpc": "2.0", "result": {"authentication": ' +
  '"REJECT", "status": true, "value": false}, "time": 1.0, "version": "parent"}';

/** A handler that knows no user. */
export const knowsNobody: Handler = async () =>
  new Response(localAnswer, { headers: { "content-type": "application/json" } });

/** A rule that forwards every check, changed as the test needs it. */
export function rule(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: "to the child",
    event: ["validate_check"],
    position: "post",
    handlermodule: "Federation",
    action: "forward",
    options: { privacyIDEA: "child" },
    ...changes,
  };
}

/** The definition of a child as a server. */
export function serverOf(
  child: Pick<Child, "url">,
  changes: Partial<FederationServer> = {},
): FederationServer {
  return { identifier: "child", url: child.url, allowCleartext: true, ...changes };
}

/** Starts a parent with some servers. */
export async function startParent(
  servers: readonly FederationServer[],
  options: Partial<FederateOptions> = {},
  handler: Handler = knowsNobody,
): Promise<Parent> {
  const asked = { count: 0 };
  const federation = federate(
    async (request, connection) => {
      asked.count += 1;
      return await handler(request, connection);
    },
    { rules: [rule()], servers: new ConfiguredServers(servers), id: "parent", ...options },
  );
  const server: Server = createServer(federation.listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    federation,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await federation[Symbol.asyncDispose]();
    },
  };
}

/** The body of an answer of the API, as far as tests look at it. */
export interface Body {
  readonly detail: Readonly<Record<string, unknown>> | null;
  readonly result: {
    readonly status: boolean;
    readonly value?: unknown;
    readonly authentication?: string;
    readonly error?: { readonly code: number; readonly message: string };
  };
  readonly nonce?: string;
  readonly signature?: string;
}

/** Asks for a check. */
export async function check(
  url: string,
  parameters: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Body }> {
  const response = await fetch(`${url}/validate/check`, {
    method: "POST",
    body: new URLSearchParams(parameters),
    headers,
  });
  const body = JSON.parse(await response.text()) as Body;
  return { status: response.status, headers: response.headers, body };
}
