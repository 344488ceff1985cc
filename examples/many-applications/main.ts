/**
 * Many applications and one directory: one process reads the directory and writes a log, and three applications with
 * databases of their own read that. Copy this folder and start from it.
 *
 * `publisher.ts` and `application.ts` have the few lines that matter, `log.ts` says where the log is. The rest is for
 * the eye.
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { nodeListener } from "concordat/node";
import { foundCompany } from "./company.ts";
import { chosenLog } from "./log.ts";
import { site } from "./site.ts";

const { values } = parseArgs({
  options: { port: { type: "string", default: process.env["PORT"] ?? "8080" } },
});

const interruption = new AbortController();
const company = await foundCompany(await chosenLog());
const server = createServer(nodeListener(site(company, interruption.signal)));
server.listen(Number(values.port), "127.0.0.1");
await once(server, "listening");
console.log(`page  http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
console.log(`log   ${company.place.description}`);
console.log("Ctrl-C ends all of them.");

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    interruption.abort();
    server.close();
    server.closeAllConnections();
    await company[Symbol.asyncDispose]();
  });
}
