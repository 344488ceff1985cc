import {
  type Comparable,
  type Comparison,
  compareNumber,
  compareValue,
  digitsOf,
  parseComparison,
} from "../comparators.js";
import type { Facts } from "../facts.js";
import { parseDuration, replaceNow } from "../instant.js";
import { type Pattern, readPattern } from "../pattern.js";
import type { Decide } from "./condition-type.js";

/** What privacyIDEA's `is_true` takes for true. */
export function isTrue(value: unknown): boolean {
  return [1, "1", true, "True", "true", "TRUE"].some((one) => one === value);
}

/** A regular expression. @throws {SyntaxError} */
export function pattern(value: string): Pattern {
  try {
    return readPattern(value);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new SyntaxError(`it is not a regular expression that can be used: ${error.message}`);
    }
    throw error;
  }
}

/** A comparison of a number that the host knows. */
export function number(
  value: string,
  numberOf: (facts: Facts) => Promise<number | undefined>,
): Decide {
  const right = parseComparison(value, "number")?.right ?? "";
  if (digitsOf(right) === undefined) {
    throw new SyntaxError('it compares a whole number, such as "<100" or "==3".');
  }
  return async (facts) => {
    const known = await numberOf(facts);
    return known === undefined ? undefined : compareNumber(value, known);
  };
}

/** A comparison of a key, `key == value`, in which `{now}` stands for the present time. */
export function keyed(
  value: string,
  ask: (facts: Facts, key: string) => Promise<Comparable | null | undefined>,
): Decide {
  assertKeyed(value);
  return async (facts) => {
    const comparison = parseComparison(replaceNow(value, facts.now));
    if (comparison === undefined) return false;
    const known = await ask(facts, comparison.left);
    if (known === undefined) return undefined;
    return known !== null && compareValue(comparison, known, facts.now);
  };
}

function assertKeyed(value: string): void {
  const comparison: Comparison | undefined = parseComparison(value);
  if (comparison === undefined || comparison.left === "") {
    throw new SyntaxError('it compares a key, such as "name == value".');
  }
  if (/^!?matches$/.test(comparison.comparator)) pattern(comparison.right);
  if (comparison.comparator.endsWith("within_last")) duration(comparison.right);
}

/** A value by its key; `null` if what has values does not have this one. */
export function infoOf(
  all: (facts: Facts) => Promise<Readonly<Record<string, Comparable>> | undefined>,
) {
  return async (facts: Facts, key: string): Promise<Comparable | null | undefined> => {
    const info = await all(facts);
    if (info === undefined) return undefined;
    return Object.hasOwn(info, key) ? (info[key] ?? null) : null;
  };
}

/** A yes-or-no of the host's. */
export function flag(value: string, isSo: (facts: Facts) => Promise<boolean | undefined>): Decide {
  const expected = isTrue(value);
  return async (facts) => {
    const known = await isSo(facts);
    return known === undefined ? undefined : known === expected;
  };
}

/** One of the values of a list with commas. */
export function oneOf(
  value: string,
  textsOf: (facts: Facts) => Promise<readonly string[] | undefined>,
): Decide {
  const expected = value.split(",").map((one) => one.trim());
  return async (facts) => {
    const known = await textsOf(facts);
    // Nothing to compare is as good as nothing known: privacyIDEA passes the condition over.
    if (known === undefined || known.length === 0) return undefined;
    return known.some((one) => expected.includes(one));
  };
}

/** A value of which there is one at most, as a list. */
export function singly(text: string | undefined): readonly string[] | undefined {
  return text === undefined ? undefined : [text];
}

/** How long ago something was. What has never been is neither older nor newer than any time. */
export function age(
  value: string,
  dated: (facts: Facts) => Promise<{ readonly date: Date | undefined } | undefined>,
  isAsExpected: (age: number, limit: number) => boolean,
): Decide {
  const limit = duration(value);
  return async (facts) => {
    const known = await dated(facts);
    if (known === undefined) return undefined;
    return known.date !== undefined && isAsExpected(facts.now - known.date.getTime(), limit);
  };
}

function duration(value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) throw new SyntaxError('it is a duration such as "8h" or "7d".');
  return milliseconds;
}
