import { withoutPythonSpaces } from "../message/text.js";
import { parseDuration, parseInstant } from "./instant.js";
import { readPattern } from "./pattern.js";

/** A comparison as a condition says it: `key comparator value`, `comparator value`, or a value alone. */
export interface Comparison {
  readonly left: string;
  readonly comparator: string;
  readonly right: string;
}

/** What is compared: a text, a number, an instant, or several texts. */
export type Comparable = string | number | Date | readonly string[];

/** The comparators that are written in quotation marks. The others may be, and need not. */
const quoted = [
  "equals",
  "!equals",
  "contains",
  "!contains",
  "matches",
  "!matches",
  "in",
  "!in",
  "<",
  ">",
  "date_before",
  "date_after",
  "date_within_last",
  "!date_within_last",
  "string_contains",
  "!string_contains",
];
const quotedForNumbers = ["equals", "!equals", "<", ">"];
const plain = ["==", "!=", "<=", "=<", ">=", "=>", "<", ">", "="];

/** Reads a comparison, in the way and the order in which privacyIDEA does; `undefined` for an empty one. */
export function parseComparison(
  text: string,
  kind: "any" | "number" = "any",
): Comparison | undefined {
  const condition = withoutPythonSpaces(text);
  if (condition === "") return undefined;
  const candidates = [
    ...(kind === "number" ? quotedForNumbers : quoted).map((name) => `'${name}'`),
    ...plain.map((name) => `'${name}'`),
    ...plain,
  ];
  for (const candidate of candidates) {
    const parts = condition.split(candidate);
    const [left = "", right = ""] = parts;
    if (parts.length === 2) {
      const comparator = candidate.replace(/^'|'$/g, "");
      return {
        left: withoutPythonSpaces(left),
        comparator,
        right: withoutPythonSpaces(right),
      };
    }
  }
  return { left: "", comparator: "equals", right: condition };
}

/** Compares a whole number, as with `<100`, `!=3` or `3`. What is not a comparison of whole numbers is false. */
export function compareNumber(condition: string, value: number): boolean {
  const comparison = parseComparison(condition, "number");
  const right = wholeNumber(comparison?.right);
  if (comparison === undefined || right === undefined) return false;
  return order(comparison.comparator, difference(value, comparison.right) ?? 0) ?? false;
}

/**
 * Compares the value of a key, as with `key == value`. What cannot be compared is false, also with a comparator that
 * denies.
 */
export function compareValue(
  { comparator, right }: Comparison,
  left: Comparable,
  now: number,
): boolean {
  const isDenied = comparator.startsWith("!") && comparator !== "!=";
  const outcome = compareAffirmed(isDenied ? comparator.slice(1) : comparator, left, right, now);
  return outcome !== undefined && outcome !== isDenied;
}

/** `undefined`: these two cannot be compared so. */
function compareAffirmed(
  comparator: string,
  left: Comparable,
  right: string,
  now: number,
): boolean | undefined {
  switch (comparator) {
    case "contains":
      return Array.isArray(left) ? left.includes(right) : undefined;
    case "matches":
      return typeof left === "string" ? readPattern(right).matchWhole(left) : undefined;
    case "in":
      // Nothing but a text is in a list of texts: the number 1 is not.
      return commaSeparated(right)?.some((one) => one === left);
    case "string_contains":
      return typeof left === "string"
        ? left.toLowerCase().includes(right.toLowerCase())
        : undefined;
    case "date_before":
    case "date_after": {
      const [one, other] = [instantOf(left), instantOf(right)];
      if (one === undefined || other === undefined) return undefined;
      return comparator === "date_before" ? one < other : one > other;
    }
    case "date_within_last": {
      const [instant, duration] = [instantOf(left), parseDuration(right)];
      if (instant === undefined || duration === undefined) return undefined;
      return now - instant < duration;
    }
    case "<=":
    case "=<":
    case ">=":
    case "=>": {
      const value = left === "" ? 0 : left;
      if (wholeNumber(value) === undefined || wholeNumber(right) === undefined) return undefined;
      return order(comparator, difference(value, right) ?? Number.NaN);
    }
    case "<":
    case ">": {
      const sign = difference(left, right);
      return sign === undefined ? undefined : order(comparator, sign);
    }
    default:
      // What cannot be brought into an order is not equal.
      return order(comparator, difference(left, right) ?? 1);
  }
}

/**
 * How two values stand to each other: as whole numbers if both are, else as instants if both are, else as texts.
 * `undefined`: a list, a number or an instant on the left, and a text on the right that is none.
 */
function difference(left: Comparable, right: string): number | undefined {
  const numbers = [wholeNumber(left), wholeNumber(right)] as const;
  if (numbers[0] !== undefined && numbers[1] !== undefined) {
    return Number.isSafeInteger(numbers[0]) && Number.isSafeInteger(numbers[1])
      ? numbers[0] - numbers[1]
      : longDifference(String(left), right);
  }
  const instants = [instantOf(left), instantOf(right)] as const;
  if (typeof left !== "string" && !(left instanceof Date)) return undefined;
  if (instants[0] !== undefined && instants[1] !== undefined) return instants[0] - instants[1];
  if (typeof left !== "string") return undefined;
  // In the order of their code points, which is that of UTF-8.
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** How two whole numbers of any length stand to each other. */
function longDifference(left: string, right: string): number {
  const [one, other] = [left, right].map((text) => BigInt(digitsOf(text)?.replace(/^\+/, "") ?? 0));
  if (one === undefined || other === undefined || one === other) return 0;
  return one < other ? -1 : 1;
}

function order(comparator: string, sign: number): boolean | undefined {
  switch (comparator) {
    case "equals":
    case "==":
    case "=":
      return sign === 0;
    case "!equals":
    case "!=":
      return sign !== 0;
    case "<":
      return sign < 0;
    case ">":
      return sign > 0;
    case "<=":
    case "=<":
      return sign <= 0;
    case ">=":
    case "=>":
      return sign >= 0;
    default:
      return undefined;
  }
}

function wholeNumber(value: Comparable | undefined): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined;
  const digits = value === undefined ? undefined : digitsOf(value);
  return digits === undefined ? undefined : Number(digits);
}

/** The sign and the digits of a whole number, as Python's `int` takes it from a text: `1_000` is one. */
export function digitsOf(value: Comparable): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = withoutPythonSpaces(value);
  return /^[+-]?\d+(?:_\d+)*$/.test(text) ? text.replaceAll("_", "") : undefined;
}

function instantOf(value: Comparable): number | undefined {
  if (value instanceof Date) return value.getTime();
  return typeof value === "string" ? parseInstant(value) : undefined;
}

/**
 * The values of a list with commas. One in quotation marks may have commas in it; a backslash takes the next character.
 */
export function commaSeparated(text: string): readonly string[] | undefined {
  const values: string[] = [];
  let value = "";
  let isQuoted = false;
  let isFresh = true;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === "\\") {
      if (at + 1 === text.length) return undefined;
      at += 1;
      value += text[at];
      isFresh = false;
    } else if (isQuoted) {
      if (character === '"') isQuoted = false;
      else value += character;
    } else if (character === ",") {
      values.push(value);
      value = "";
      isFresh = true;
    } else if (isFresh && character === " ") {
      // Spaces after a comma do not count.
    } else if (isFresh && character === '"') {
      isQuoted = true;
      isFresh = false;
    } else {
      value += character;
      isFresh = false;
    }
  }
  if (isQuoted) return undefined;
  // Nothing at all is no value, not an empty one.
  return text === "" ? [] : [...values, value];
}
