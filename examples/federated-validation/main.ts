/**
 * Federated validation: a parent that answers for whom it knows, and asks a division, which has two instances, about
 * all others. Copy this folder and start from it.
 *
 * `federateWith` in `company.ts` has the few lines that matter, `authority.ts` is what answers, at the parent and at
 * the children alike. The rest is for the eye.
 */

import { parseArgs } from "node:util";
import { foundCompany } from "./company.ts";
import { Instance } from "./instance.ts";
import { site } from "./site.ts";

const { values } = parseArgs({
  options: { port: { type: "string", default: process.env["PORT"] ?? "8080" } },
});

const interruption = new AbortController();
const company = await foundCompany();
const parent = new Instance(
  "headquarters",
  site(company, interruption.signal),
  Number(values.port),
);
await parent.start();
console.log(`headquarters  ${parent.url}/  (the page, and the API of the company)`);
for (const { name, url } of company.children) console.log(`${name.padEnd(12)}  ${url}/`);
console.log("Ctrl-C ends all of them.");

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    interruption.abort();
    await parent.stop();
    await company[Symbol.asyncDispose]();
  });
}
