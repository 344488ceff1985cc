import type { ConditionType, Decide } from "./conditions/condition-type.js";
import { containerConditions } from "./conditions/of-container.js";
import { requestConditions } from "./conditions/of-request.js";
import { responseConditions } from "./conditions/of-response.js";
import { tokenConditions } from "./conditions/of-token.js";

export type { Outcome } from "./conditions/condition-type.js";

/** A condition of a rule. */
export interface Condition {
  readonly name: string;
  readonly decide: Decide;
  /** What privacyIDEA takes it for when it cannot be checked. */
  readonly uncheckable: boolean;
}

const types: Readonly<Record<string, ConditionType>> = {
  ...requestConditions,
  ...responseConditions,
  ...tokenConditions,
  ...containerConditions,
};

/** The names of the 42 conditions of privacyIDEA's event handlers. */
export function conditionNames(): readonly string[] {
  return Object.keys(types);
}

/**
 * Reads a condition.
 *
 * @throws {SyntaxError} there is no such condition, or the value is not one for it.
 */
export function readCondition(name: string, value: string): Condition {
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined) throw new SyntaxError("there is no such condition.");
  const { read, uncheckable } = type;
  return {
    name,
    decide: read(value),
    uncheckable: typeof uncheckable === "function" ? uncheckable(value) : uncheckable,
  };
}
