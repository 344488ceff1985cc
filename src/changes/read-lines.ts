import type { FileHandle } from "node:fs/promises";
import { InvalidRecordingError } from "./recording.js";

/** A line of a file. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly bytes: Buffer;
  /** Whether a newline ends it; only the last line of a file may lack it. */
  readonly ended: boolean;
}

const newline = 0x0a;
const chunkLength = 64 * 1024;

/**
 * Reads a file line by line, as fast as the lines are asked for.
 *
 * @throws {InvalidRecordingError} a line has more than `maxLength` bytes.
 */
export async function* readLines(
  file: FileHandle,
  maxLength: number,
  signal?: AbortSignal,
): AsyncGenerator<Line, void> {
  let number = 1;
  let pieces: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length > maxLength) {
      const message = `It is longer than the ${maxLength} bytes that are allowed.`;
      throw new InvalidRecordingError(message, { line: number });
    }
    pieces.push(piece);
  };
  const finish = (ended: boolean): Line => {
    const line = { number, bytes: Buffer.concat(pieces), ended };
    number++;
    pieces = [];
    length = 0;
    return line;
  };

  for (let position = 0; ; ) {
    signal?.throwIfAborted();
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(chunkLength),
      0,
      chunkLength,
      position,
    );
    if (bytesRead === 0) break;
    position += bytesRead;
    let rest = buffer.subarray(0, bytesRead);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      add(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      yield finish(true);
      signal?.throwIfAborted();
    }
    add(rest);
  }
  if (length > 0) yield finish(false);
}

/** How much of a file is whole lines, in bytes. */
export async function lengthOfWholeLines(file: FileHandle): Promise<number> {
  let end = (await file.stat()).size;
  while (end > 0) {
    const start = Math.max(end - chunkLength, 0);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    const last = buffer.subarray(0, bytesRead).lastIndexOf(newline);
    if (last >= 0) return start + last + 1;
    end = start;
  }
  return 0;
}
