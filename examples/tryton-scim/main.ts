/**
 * The SCIM service provider in front of a Tryton, and the page on which an administrator says which group of the
 * identity provider fills which of Tryton's.
 */

import { once } from "node:events";
import { createServer } from "node:http";
import { secret } from "concordat/cli";
import { nodeListener } from "concordat/node";
import { pageHandler } from "./page.ts";
import { openProvider } from "./provider.ts";
import { settingsOf } from "./settings.ts";

const { SCIM_PORT = "8080", SCIM_HOST = "127.0.0.1", ADMIN_PORT = "8081" } = process.env;
const { SCIM_FILE = "scim.sqlite" } = process.env;
const { SCIM_BASE_URL = `http://${SCIM_HOST}:${SCIM_PORT}/scim/v2` } = process.env;

const ended = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.abort());

await using provider = await openProvider({
  settings: settingsOf(),
  file: SCIM_FILE,
  baseUrl: SCIM_BASE_URL,
  tokenSha256: secret.env("SCIM_TOKEN_SHA256"),
});

// A proxy in front of it has the certificate.
const scim = createServer(nodeListener(provider.handler));
scim.listen(Number(SCIM_PORT), SCIM_HOST);
const hosts: string[] = [];
const admin = createServer(nodeListener(pageHandler(provider, hosts)));
// The page has no sign-in: it is reached from this machine only.
admin.listen(Number(ADMIN_PORT), "127.0.0.1");
await Promise.all([once(scim, "listening"), once(admin, "listening")]);
const port = portOf(admin);
hosts.push(`127.0.0.1:${port}`, `localhost:${port}`);
console.log(`SCIM: http://${SCIM_HOST}:${portOf(scim)}/scim/v2
The administrator's page: http://127.0.0.1:${port}/`);
if (!ended.signal.aborted) await once(ended.signal, "abort");
for (const server of [scim, admin]) {
  server.close();
  server.closeAllConnections();
}

function portOf(server: typeof scim): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
