import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Change,
  type ChangeBatch,
  type ChangeStream,
  type RecordOptions,
  type ReplayOptions,
  recordChanges,
  replayChanges,
} from "concordat/changes";
import { onTestFinished } from "vitest";

/** A path in a folder of its own, which goes with the test. */
export function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "recording-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "changes.ndjson");
}

export function streamOf(batches: readonly ChangeBatch[], source = "directory"): ChangeStream {
  return {
    source,
    async *read() {
      yield* batches;
    },
  };
}

export async function drain(
  stream: ChangeStream,
  request?: { after?: string; signal?: AbortSignal },
): Promise<ChangeBatch[]> {
  const batches: ChangeBatch[] = [];
  for await (const batch of stream.read(request)) batches.push(batch);
  return batches;
}

export async function record(
  batches: readonly ChangeBatch[],
  path: string = newPath(),
  options?: RecordOptions,
): Promise<string> {
  await drain(recordChanges(streamOf(batches), path, options));
  return path;
}

export async function replay(
  path: string,
  options?: ReplayOptions & { after?: string },
): Promise<ChangeBatch[]> {
  const stream = await replayChanges(path, options);
  return drain(stream, options?.after === undefined ? {} : { after: options.after });
}

export const batch = (checkpoint: string, ...changes: Change[]): ChangeBatch => ({
  phase: "live",
  changes,
  checkpoint,
});

export const ann: Extract<Change, { type: "User" }> = {
  kind: "upsert",
  type: "User",
  sourceId: "1",
  names: [{ kind: "dn", key: "uid=ann" }],
  stamp: "2",
  resource: { userName: "ann", nickName: null },
  complete: true,
};

export const header = '{"format":"concordat-changes","version":1,"source":"directory"}';
