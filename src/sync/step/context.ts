import type { ChangeBatch } from "../../changes/index.js";
import type { SyncTarget } from "../../repositories/index.js";
import type { Outcome } from "../outcome.js";
import type { Settings } from "../settings.js";

export type Phase = ChangeBatch["phase"];

/** The stores as one runner has them. */
export interface RunnerTarget extends SyncTarget {
  /**
   * Where there is no transaction: makes sure, before each write to the application, that no other runner has taken the
   * stream over.
   *
   * @throws {StreamTakenError} one has.
   */
  beforeWrite?(): Promise<void>;
}

/** What a step works on. */
export interface StepContext {
  readonly source: string;
  readonly target: RunnerTarget;
  readonly settings: Settings;
  readonly phase: Phase;
  readonly generation: number;
  /** Whether there is a transaction that undoes what was begun. */
  readonly isTransactional: boolean;
  /** What was done; yielded to the caller once the step is committed. */
  readonly outcomes: Outcome[];
}
