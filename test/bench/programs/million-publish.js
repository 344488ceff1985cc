/**
 * Publishes a directory to a log: `million-publish.js DIRECTORY NATS MODE`. `resume` ends once everything is written,
 * `anew` too, without the checkpoint; `follow` goes on until its input ends. Prints what each checkpoint covers.
 */
import { publishChanges } from "concordat/change-log";
import { watchDirectory } from "concordat/ldap";
import { endWithInput, peakMemory, watchOptions } from "./directory.js";
import { maxMessageSize, openLog, say } from "./million.js";

const [watched, servers, mode] = process.argv.slice(2);
if (mode === "follow") endWithInput();
const [log, connection] = await openLog(servers);
const before = await log.last();
const directory = watchDirectory({ ...watchOptions(watched), maxMessageSize });
const stream =
  mode === "anew"
    ? { ...directory, read: ({ after: _, ...options } = {}) => directory.read(options) }
    : directory;
let sum = { written: 0, removed: 0, unchanged: 0 };
for await (const outcome of publishChanges(stream, log, { follow: mode === "follow" })) {
  if (outcome.kind === "began")
    say({ began: outcome.entries, at: performance.now(), cpu: process.cpuUsage() });
  if (outcome.kind === "restarted" || outcome.kind === "waiting") say({ ...outcome });
  if (outcome.kind === "published") {
    const { written, removed, unchanged } = outcome;
    sum = {
      written: sum.written + written,
      removed: sum.removed + removed,
      unchanged: sum.unchanged + unchanged,
    };
  }
  if (outcome.kind === "checkpoint") say({ checkpoint: await log.last(), at: Date.now() });
}
say({ ...sum, records: (await log.last()) - before, peak: peakMemory() });
await connection.close();
