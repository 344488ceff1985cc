import type { ChangeStream } from "../../changes/index.js";
import { ConcordatError } from "../../core/index.js";
import { streamState } from "../../sync/index.js";
import { operandsOf } from "../arguments.js";
import type { SourceInspection, SyncConfig } from "../config.js";
import { messageOf } from "../errors.js";
import { exitCode } from "../exit-codes.js";
import { type Output, oneLine } from "../output.js";
import { type Command, withSync } from "./command.js";

/** `concordat check`: connects to both ends, and says what is missing. */
export const check: Command = async (context) => {
  operandsOf(context.given);
  return await withSync(context, async (config) => {
    const { output, signal } = context;
    const { checkSource } = config;
    const results = [
      checkSource === undefined
        ? await tried("source", output, () => readBeginning(config.stream, output, signal))
        : await inspected(output, checkSource),
      await tried("application", output, () => checkApplication(config)),
      await tried("state", output, () => checkState(config)),
    ];
    return results.includes(false) ? exitCode.failed : exitCode.done;
  });
};

/** Reports what was found out about the source. @returns whether it can be followed without loss. */
async function inspected(
  output: Output,
  inspect: () => Promise<SourceInspection>,
): Promise<boolean> {
  let isGood = true;
  const hasBegun = await tried("source", output, async () => {
    const { server, reader, findings } = await inspect();
    for (const { effect, message } of findings) {
      const isBad = effect === "refusal" || effect === "loss";
      isGood &&= !isBad;
      if (output.isJson) output.json({ check: "source", ok: !isBad, effect, message });
      else
        output.line(
          `${(isBad ? "failed" : effect === "none" ? "ok" : effect).padEnd(8)}source: ${oneLine(message)}`,
        );
    }
    return reader === undefined
      ? server.kind
      : `${server.kind}, by ${reader.dialect}: ${reader.reason}`;
  });
  return hasBegun && isGood;
}

/** Does one check and reports it. @returns whether nothing is missing. */
async function tried(what: string, output: Output, work: () => Promise<string>): Promise<boolean> {
  try {
    const found = oneLine(await work());
    if (output.isJson) output.json({ check: what, ok: true, message: found });
    else output.line(`ok      ${what}: ${found}`);
    return true;
  } catch (error) {
    const code = error instanceof ConcordatError ? error.code : undefined;
    const message = oneLine(messageOf(error));
    if (output.isJson) output.json({ check: what, ok: false, ...(code && { code }), message });
    else output.line(`failed  ${what}: ${message}`);
    return false;
  }
}

/** Reads the beginning of what the source has, which takes its rights, its settings and its certificate. */
async function readBeginning(
  stream: ChangeStream,
  output: Output,
  signal: AbortSignal,
): Promise<string> {
  const end = new AbortController();
  const reading = stream
    .read({ follow: false, signal: AbortSignal.any([signal, end.signal]) })
    [Symbol.asyncIterator]();
  try {
    for (let changes = 0; ; ) {
      const { done, value: batch } = await reading.next();
      signal.throwIfAborted();
      changes += batch?.changes.length ?? 0;
      if (done === true || batch.refresh === "ends") {
        if (changes === 0)
          output.note("The source has no users and groups, or this account may not read them.");
        return `${stream.source} can be read`;
      }
      if (changes > 0) return `${stream.source} can be read`;
    }
  } finally {
    end.abort();
    await reading.return?.().catch(() => undefined);
  }
}

async function checkApplication({ target, prepare, checkTarget }: SyncConfig): Promise<string> {
  await prepare?.();
  await target.users.find({ count: 1 });
  await target.groups?.find({ count: 1 });
  await checkTarget?.();
  return target.groups === undefined
    ? "users can be read; groups are ignored"
    : "users and groups can be read";
}

async function checkState({ stream, target }: SyncConfig): Promise<string> {
  const { refreshes, refused } = await streamState(target, stream.source, { most: 1 });
  if (refreshes === 0) return "the source was never followed";
  return refused.length === 0 ? "nothing is refused" : "something is refused: concordat status";
}
