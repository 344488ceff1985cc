import type { Facts } from "../facts.js";

/** Whether a condition is fulfilled; `undefined` if that cannot be checked. */
export type Outcome = boolean | undefined;

/** Decides about the facts. It waits only for what the host has to be asked. */
export type Decide = (facts: Facts) => Outcome | Promise<Outcome>;

/** A condition of privacyIDEA. */
export interface ConditionType {
  /**
   * What privacyIDEA takes it for when it cannot be checked: a condition about a token, for example, is ignored
   * where there is none.
   */
  readonly uncheckable: boolean | ((value: string) => boolean);
  /** Reads the value that a rule gives it. Throws a `SyntaxError` that says what is wrong with it. */
  readonly read: (value: string) => Decide;
}
