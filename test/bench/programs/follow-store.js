/**
 * Follows a directory into a SQLite file, and prints when each change is committed: `follow-store.js DIRECTORY FILE`.
 * The first line says that the refresh is over. It ends when its input does.
 */

import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { watchDirectory } from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { endWithInput, now, watchOptions } from "./directory.js";

const [watched, path] = process.argv.slice(2);
endWithInput();
const db = new Kysely({ dialect: nodeSqliteDialect({ path }) });
await createTables(db);
const directory = watchDirectory(watchOptions(watched));
let isReady = false;
// The outcomes of a live batch are told once it is committed, the checkpoint's last: the first of them says when that
// was.
let committed;
for await (const { kind } of synchronize(directory, kyselyTarget({ db }))) {
  committed ??= now();
  if (kind !== "checkpoint") continue;
  process.stdout.write(isReady ? `${committed}\n` : "ready\n");
  isReady = true;
  committed = undefined;
}
