/** Applies all of a directory to a SQLite file, whatever was stored before: `store.js DIRECTORY FILE`. */

import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { watchDirectory } from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { peakMemory, tell, watchOptions } from "./directory.js";

const [watched, path] = process.argv.slice(2);
const db = new Kysely({ dialect: nodeSqliteDialect({ path }) });
await createTables(db);
const directory = watchDirectory({ ...watchOptions(watched), mode: "refreshOnly" });
// Without the checkpoint that is stored, the directory tells everything once more.
const refresh = { source: directory.source, read: () => directory.read() };
const outcomes = {};
for await (const { kind } of synchronize(refresh, kyselyTarget({ db }))) {
  outcomes[kind] = (outcomes[kind] ?? 0) + 1;
}
await db.destroy();
tell({ outcomes, peak: peakMemory() });
