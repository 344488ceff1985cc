import * as z from "zod";
import type { CallOptions } from "../repositories/index.js";
import { type ChangeLog, type LogRecord, ownerKey } from "../repositories/index.js";
import { parsed } from "./records.js";

/** Who writes a log, and who wrote it before. */
export interface Owner {
  /** The source whose changes the log holds. */
  readonly source: string;
  /** Names the term: the time during which one publisher writes. */
  readonly term: string;
  /** For how long deletions are kept, in milliseconds. */
  readonly horizon: number;
  /**
   * The terms before it, the oldest first. What was read in one counts if it is before `until`; later states were lost,
   * or were written after the log had gone back to a backup. Of the last one it is `null`: up to this owner's record.
   */
  readonly terms: readonly (readonly [term: string, until: number | null])[];
}

const ownerSchema = z.object({
  source: z.string(),
  term: z.string(),
  horizon: z.number(),
  terms: z.array(z.tuple([z.string(), z.number().nullable()])).readonly(),
});

/** How many terms are remembered. Who has read none of them reads everything anew. */
const maxTerms = 1_000;

/** An owner with the sequence of its record, which is the fence. */
export interface Ownership extends Owner {
  readonly sequence: number;
}

/** The present owner. */
export async function ownerOf(
  log: ChangeLog,
  options?: CallOptions,
): Promise<Ownership | undefined> {
  const [record] = await log.get([ownerKey], options);
  return record === undefined ? undefined : readOwner(record);
}

/** Reads the record of an owner. */
export function readOwner({ key, body, sequence }: LogRecord): Ownership {
  return { ...parsed(key, body, ownerSchema), sequence };
}

/**
 * The owner that follows another one.
 *
 * @param until up to which sequence what was read of the last term counts, where that is known.
 */
export function nextOwner(
  next: Pick<Owner, "source" | "term" | "horizon">,
  before: Ownership | undefined,
  until: number | null = null,
): Owner {
  if (before === undefined) return { ...next, terms: [] };
  const terms = before.terms.map(([term, end]) => [term, end ?? before.sequence] as const);
  return { ...next, terms: [...terms, [before.term, until] as const].slice(-maxTerms) };
}

/**
 * Whether a state of the log that was read in some term is one that the log has had: it did not go back since.
 *
 * @param sequence up to where was read.
 */
export function isStillSo(owner: Ownership, term: string, sequence: number): boolean {
  if (term === owner.term) return true;
  // A log that went back more than once may have lost what a later term had kept.
  const index = owner.terms.findIndex(([each]) => each === term);
  if (index < 0) return false;
  return owner.terms.slice(index).every(([, until]) => sequence < (until ?? owner.sequence));
}
