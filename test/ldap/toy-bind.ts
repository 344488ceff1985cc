import {
  type ConnectOptions,
  connect,
  type GssapiBind,
  type LdapConnection,
  type LdapSearchRequest,
} from "concordat/ldap";
import { expect } from "vitest";
import { type Peer, startScriptedServer } from "./scripted-server.js";
import { ToyContext } from "./toy-context.js";

/** A search that a scripted server answers as it likes. */
export const request: LdapSearchRequest = { base: "o=x", filter: "(cn=*)" };

/** A bind with a toy, and the toy. */
export function toyBind(options: Partial<GssapiBind> = {}): {
  bind: GssapiBind;
  context: ToyContext;
} {
  const context = new ToyContext();
  return { bind: { method: "gssapi", context: () => context, ...options }, context };
}

/** How it went, and the toy. */
export interface Outcome {
  readonly error: unknown;
  readonly context: ToyContext;
}

/** How a bind to a server that does this fails, or what is done with the connection. */
export async function outcomeOf(
  script: (peer: Peer) => unknown,
  options: Partial<GssapiBind> = {},
  use: (connection: LdapConnection) => Promise<unknown> = (connection) =>
    connection.searchAll(request),
  connectOptions: Partial<ConnectOptions> = {},
): Promise<Outcome> {
  await using server = await startScriptedServer(async (peer) => {
    await script(peer);
  });
  const { bind, context } = toyBind(options);
  const attempt = async () => {
    await using connection = await connect({ url: server.url, bind, ...connectOptions });
    await use(connection);
  };
  const error = await attempt().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await expect.poll(() => context.disposed).toBe(1);
  expect(context.overlapped).toBe(false);
  return { error, context };
}
