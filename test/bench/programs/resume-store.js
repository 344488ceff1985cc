/**
 * Resumes from the checkpoint in a SQLite file until the next one is stored there: `resume-store.js DIRECTORY FILE`.
 */

import { kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { watchDirectory } from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { tell, watchOptions } from "./directory.js";

const [watched, path] = process.argv.slice(2);
const db = new Kysely({ dialect: nodeSqliteDialect({ path }) });
const directory = watchDirectory(watchOptions(watched));
let outcomes = 0;
for await (const { kind } of synchronize(directory, kyselyTarget({ db }))) {
  if (kind === "checkpoint") break;
  outcomes += 1;
}
await db.destroy();
tell({ outcomes });
