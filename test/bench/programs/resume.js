/**
 * Resumes from a checkpoint until there is the next one: `resume.js DIRECTORY CHECKPOINT`. Without one, prints the
 * first.
 */

import { watchDirectory } from "concordat/ldap";
import { tell, watchOptions } from "./directory.js";

const [watched, after] = process.argv.slice(2);
const directory = watchDirectory(watchOptions(watched));
let changes = 0;
for await (const batch of directory.read(after === undefined ? {} : { after })) {
  changes += batch.changes.length;
  if (batch.checkpoint === undefined) continue;
  tell({ changes, checkpoint: batch.checkpoint });
  break;
}
