import * as z from "zod";

/** How far a reader has got: up to a sequence, in a term of the log, and when that was. */
export interface ReaderPosition {
  readonly term: string;
  readonly sequence: number;
  /** In milliseconds since the epoch. */
  readonly at: number;
}

const positionSchema = z.object({ term: z.string(), sequence: z.int(), at: z.number() });

/** Reads a checkpoint; undefined where it is none of a log. */
export function readReaderPosition(text: string): ReaderPosition | undefined {
  try {
    return positionSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
