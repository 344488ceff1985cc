import { InvalidValueError, type Settled } from "../../core/index.js";

/** How large a filter may be that comes from outside. */
export interface FilterLimits {
  /** The most characters, as UTF-16 code units. Default: 16,384. */
  readonly length?: number | undefined;
  /** How many brackets, round or square, may be open at a time. Default: 32; at most 1,000. */
  readonly depth?: number | undefined;
  /** The most comparisons, presences, negations and value paths together. Default: 1,000. */
  readonly nodes?: number | undefined;
}

/** The limits with their defaults. */
export function filterLimits(stated: FilterLimits = {}): Settled<FilterLimits> {
  return {
    length: checked("length", stated.length ?? 16_384),
    // The parser calls itself once for each bracket, and the stack of the host has an end.
    depth: Math.min(checked("depth", stated.depth ?? 32), 1_000),
    nodes: checked("nodes", stated.nodes ?? 1_000),
  };
}

function checked(name: string, limit: number): number {
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new InvalidValueError(`limits.${name}`, "a limit is a whole number from 1.");
}
