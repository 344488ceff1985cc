/**
 * Applies a log to a database: `million-read.js NATS TARGET MODE`. `resume` ends once everything is applied; `follow`
 * goes on until its input ends, and prints each checkpoint.
 */
import { changeLog } from "concordat/change-log";
import { synchronize } from "concordat/sync";
import { endWithInput, peakMemory } from "./directory.js";
import { openLog, openTarget, say } from "./million.js";

const [servers, described, mode] = process.argv.slice(2);
if (mode === "follow") endWithInput();
const [log, connection] = await openLog(servers);
const [target, db] = await openTarget(described);
const changes = changeLog(log, { source: "log" });
const stream =
  mode === "follow"
    ? changes
    : { ...changes, read: (options) => changes.read({ ...options, follow: false }) };
const outcomes = {};
for await (const { kind } of synchronize(stream, target, { maxDeletes: Infinity })) {
  outcomes[kind] = (outcomes[kind] ?? 0) + 1;
  if (kind === "checkpoint" && mode === "follow") say({ checkpoint: true, at: Date.now() });
}
say({ outcomes, peak: peakMemory() });
await connection.close();
await db.destroy();
