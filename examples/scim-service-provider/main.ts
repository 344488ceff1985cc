/**
 * An application that an identity provider provisions by SCIM: its users, and groups that an administrator maps to the
 * application's own teams. Copy this folder and start from it.
 *
 * `scim.ts` is the service provider, `application.ts` the database and what the application asks of it; the rest is the
 * page.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Application } from "./application.ts";
import { RequestLog } from "./request-log.ts";
import { scimServiceProvider } from "./scim.ts";
import { web } from "./web.ts";

const {
  DATABASE = ":memory:",
  PORT = "3000",
  BASE_URL = `http://localhost:${PORT}/scim/v2`,
  TOKEN = randomBytes(32).toString("base64url"),
} = process.env;

const ended = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.abort());

await using application = await Application.open(DATABASE);
using log = new RequestLog();
const client = { baseUrl: BASE_URL, token: TOKEN };
const scim = scimServiceProvider(application, client);
// The page has no sign-in: nobody but this machine is listened to.
const server = createServer(getRequestListener(web(application, scim, log, client).fetch));
server.listen(Number(PORT), "localhost");
await once(server, "listening");

console.log(`Open http://localhost:${PORT} in a browser. For the requests of the README, copy this line:

export SCIM=http://localhost:${PORT}/scim/v2 TOKEN=${TOKEN}
`);
if (!ended.signal.aborted) await once(ended.signal, "abort");
server.close();
server.closeAllConnections();
