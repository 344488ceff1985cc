import { type FileHandle, open } from "node:fs/promises";
import { endingWithSignal } from "../core/index.js";
import type { ChangeBatch, ChangeStream } from "./change.js";
import { readLines } from "./read-lines.js";
import { InvalidRecordingError, longestLine, parseBatch, parseHeader } from "./recording.js";

/** Options of {@link replayChanges}. */
export interface ReplayOptions {
  /** The longest line that is read, in bytes. Default 64 MiB. */
  readonly maxLineLength?: number | undefined;
  /** Ends quietly before a last line that a crash has cut, instead of refusing it. Default `false`. */
  readonly allowCutLine?: boolean | undefined;
  /** Ends the wait for the header. What is read later has signals of its own. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A stream of the batches that `recordChanges` wrote to a file, under the name of the source that was recorded. It ends
 * with the recording, and may be read as often as wanted.
 *
 * `after` goes on after the first batch that has this checkpoint; one that is not in the recording means from the
 * start. Every line is checked when its turn comes, but for what the attributes of a resource hold.
 *
 * @throws {InvalidRecordingError} the file cannot be opened or has no header; while it is read: a line is damaged or
 * too long.
 */
export async function replayChanges(
  path: string,
  options: ReplayOptions = {},
): Promise<ChangeStream> {
  const file = await openToRead(path);
  try {
    return {
      source: await readHeader(file, options),
      read: (request) => endingWithSignal(replay(path, options, request), request?.signal),
    };
  } finally {
    await file.close();
  }
}

async function* replay(
  path: string,
  options: ReplayOptions,
  { after, signal }: NonNullable<Parameters<ChangeStream["read"]>[0]> = {},
): AsyncGenerator<ChangeBatch, void> {
  const recording = await openToRead(path);
  try {
    const batches = (line: number): ReturnType<typeof readBatches> =>
      readBatches(recording, line, options, signal);
    const resumed = after === undefined ? 1 : await lineWith(after, batches(1));
    for await (const { batch } of batches(resumed)) yield batch;
  } finally {
    await recording.close();
  }
}

async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (cause) {
    throw new InvalidRecordingError(`The file "${path}" cannot be opened.`, { cause });
  }
}

async function readHeader(file: FileHandle, options: ReplayOptions): Promise<string> {
  for await (const { bytes } of linesOf(file, options, options.signal)) return parseHeader(bytes);
  throw new InvalidRecordingError("The header is missing.", { line: 1 });
}

/** The number of the first line that has this checkpoint; the header's, when there is none. */
async function lineWith(
  checkpoint: string,
  batches: ReturnType<typeof readBatches>,
): Promise<number> {
  for await (const { batch, number } of batches) {
    if (batch.checkpoint === checkpoint) return number;
  }
  return 1;
}

/** The batches after a line. */
async function* readBatches(
  file: FileHandle,
  after: number,
  options: ReplayOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly batch: ChangeBatch; readonly number: number }, void> {
  for await (const { bytes, number, ended } of linesOf(file, options, signal)) {
    if (number <= after) continue;
    let batch: ChangeBatch;
    try {
      batch = parseBatch(bytes, number);
    } catch (error) {
      if (!ended && options.allowCutLine === true) return;
      throw error;
    }
    yield { batch, number };
  }
}

function linesOf(
  file: FileHandle,
  { maxLineLength = longestLine }: ReplayOptions,
  signal: AbortSignal | undefined,
): ReturnType<typeof readLines> {
  return readLines(file, maxLineLength, signal);
}
