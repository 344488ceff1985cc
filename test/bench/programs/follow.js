/**
 * Follows a directory, and prints when each change arrives, on the clock that all processes of the machine share:
 * `follow.js DIRECTORY`. The first line says that the refresh is over. It ends when its input does.
 */

import { watchDirectory } from "concordat/ldap";
import { endWithInput, now, watchOptions } from "./directory.js";

const [watched] = process.argv.slice(2);
endWithInput();
for await (const batch of watchDirectory(watchOptions(watched)).read()) {
  if (batch.refresh === "ends") process.stdout.write("ready\n");
  if (batch.phase === "live" && batch.changes.length > 0) process.stdout.write(`${now()}\n`);
}
