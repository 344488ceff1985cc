/** Reads a directory into changes, once: `read.js DIRECTORY`. */

import { watchDirectory } from "concordat/ldap";
import { peakMemory, tell, watchOptions } from "./directory.js";

const [directory] = process.argv.slice(2);
const stream = watchDirectory({ ...watchOptions(directory), mode: "refreshOnly" });
let entries = 0;
for await (const batch of stream.read()) {
  for (const change of batch.changes) if (change.kind === "upsert") entries += 1;
}
tell({ entries, peak: peakMemory() });
