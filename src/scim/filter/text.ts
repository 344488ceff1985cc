import { caseless } from "../../core/index.js";
import { equality, type PositiveOperator } from "./operators.js";

/** Whether a text stands in some relation to the one that is sought. */
export type TextTest = (value: string) => boolean;

/** Anything but the printable characters of ASCII. */
const unusual = /[^ -~]/;

/** The texts of which an operator says what it asks, against the one sought. */
export function textTest(operator: PositiveOperator, text: string, caseExact: boolean): TextTest {
  if (operator.kind === "part") return partTest(operator.at, text, caseExact);
  if (operator === equality) return partTest("whole", text, caseExact);
  const form = caseExact ? (value: string): string => value : folded;
  const sought = form(text);
  return (value) => operator.test(compareText(form(value), sought));
}

/**
 * The texts that are equal to the one sought, contain it, start with it or end with it.
 *
 * Where case does not matter, texts are compared in their {@link caseless} form. Nearly all of them are printable
 * ASCII, and are compared without making that form. What makes this right: the form of such a character is one
 * character, which neither what comes before it nor such a character after it can change; and no other character is
 * composed to one of ASCII.
 */
function partTest(
  at: "whole" | "start" | "end" | "anywhere",
  text: string,
  caseExact: boolean,
): TextTest {
  const sought = caseExact ? text : caseless(text);
  const compared: Record<typeof at, TextTest> = {
    whole: (value) => value === sought,
    start: (value) => value.startsWith(sought),
    end: (value) => value.endsWith(sought),
    anywhere: (value) => value.includes(sought),
  };
  const compare = compared[at];
  if (caseExact) return compare;
  const slow: TextTest = (value) => compare(caseless(value));
  if (unusual.test(sought)) return slow;
  switch (at) {
    case "whole":
      // Mostly it is written as it is stored.
      return (value) => value === text || startsWithUsual(value, sought, true, slow);
    case "start":
      return (value) => startsWithUsual(value, sought, false, slow);
    case "end":
      return (value) => endsWithUsual(value, sought, slow);
    case "anywhere":
      return containsUsual(sought, slow);
  }
}

/** The {@link caseless} form of a text. */
export function folded(text: string): string {
  return unusual.test(text) ? caseless(text) : text.toLowerCase();
}

/**
 * Compares texts by code points, as a database that compares the bytes of UTF-8 does. JavaScript goes by the code units
 * of UTF-16, of which those of surrogate pairs precede U+E000 to U+FFFF.
 *
 * @returns less than 0, 0, or more than 0, as the first text is less than, equal to or greater than the second.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const first = a.charCodeAt(i);
    const second = b.charCodeAt(i);
    if (first !== second) return rank(first) - rank(second);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

function isUnusual(code: number): boolean {
  return code < 0x20 || code > 0x7e;
}

function startsWithUsual(value: string, sought: string, isWhole: boolean, slow: TextTest): boolean {
  const { length } = sought;
  for (let i = 0; i < length; i++) {
    if (i === value.length) return false;
    const code = value.charCodeAt(i);
    if (isUnusual(code)) return slow(value);
    if (lower(code) !== sought.charCodeAt(i)) return false;
  }
  if (value.length === length) return true;
  // What follows may be a mark that changes the last character.
  return isUnusual(value.charCodeAt(length)) ? slow(value) : !isWhole;
}

function endsWithUsual(value: string, sought: string, slow: TextTest): boolean {
  let i = value.length;
  for (let j = sought.length - 1; j >= 0; j--) {
    if (--i < 0) return false;
    const code = value.charCodeAt(i);
    if (isUnusual(code)) return slow(value);
    if (lower(code) !== sought.charCodeAt(j)) return false;
  }
  return true;
}

function containsUsual(sought: string, slow: TextTest): TextTest {
  // A long text would make a large pattern, and is seldom sought.
  if (sought.length > 64) return (value) => folded(value).includes(sought);
  // The text sought, with nothing unusual behind it, or else anything unusual: in one go, and without a copy in lower
  // case.
  const literal = Array.from(sought, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
  const pattern = new RegExp(`${literal.join("")}(?!${unusual.source})|${unusual.source}`, "i");
  return (value) => {
    const found = value.search(pattern);
    if (found === -1) return false;
    return isUnusual(value.charCodeAt(found)) ? slow(value) : true;
  };
}
