/**
 * Follows a directory into a SQLite file until all names have been listed once beside it:
 * `list-names.js DIRECTORY FILE`.
 */

import { subscribe } from "node:diagnostics_channel";
import { kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { watchChannelName, watchDirectory } from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { tell, watchOptions } from "./directory.js";

const [watched, path] = process.argv.slice(2);
const db = new Kysely({ dialect: nodeSqliteDialect({ path }) });
let began;
const directory = watchDirectory({
  ...watchOptions(watched),
  reconcileEvery: 60_000,
  // The list is due as soon as everything else has been done.
  sleep: async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    began = { wall: performance.now(), cpu: process.cpuUsage() };
  },
});
let isListed = false;
subscribe(watchChannelName, ({ event, check }) => {
  isListed ||= event === "checked" && check === "names" && began !== undefined;
});
const resources = {};
for await (const { kind } of synchronize(directory, kyselyTarget({ db }))) {
  resources[kind] = (resources[kind] ?? 0) + 1;
  if (!isListed || kind !== "refreshed") continue;
  const { user, system } = process.cpuUsage(began.cpu);
  tell({ wall: (performance.now() - began.wall) / 1_000, cpu: (user + system) / 1e6, resources });
  break;
}
await db.destroy();
