#!/usr/bin/env node
/** The command `concordat`. */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { run } from "./run.js";

const stop = new AbortController();
// The second time, the signal ends the process as it always does.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
// The reader of the output has seen enough, as `head` has after some lines.
process.stdout.on("error", () => stop.abort());

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
process.exitCode = await run(process.argv.slice(2), {
  directory: process.cwd(),
  // The same from the sources and from what is built.
  templates: fileURLToPath(new URL("../../examples", import.meta.url)),
  signal: stop.signal,
  version,
  out: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
});
