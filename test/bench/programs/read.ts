/** Reads a directory into changes, once: `read.ts URL BASE (profile | all)`. */

import { watchDirectory } from "concordat/ldap";
import { peakMemory, tell, watchOptions } from "./directory.ts";

const [url = "", base = "", attributes] = process.argv.slice(2);
const stream = watchDirectory({ ...watchOptions(url, base, attributes), mode: "refreshOnly" });
let entries = 0;
for await (const batch of stream.read()) {
  for (const change of batch.changes) if (change.kind === "upsert") entries += 1;
}
tell({ entries, peak: peakMemory() });
