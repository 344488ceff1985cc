import { caseless } from "../../core/index.js";

/** Whether a text stands in some relation to the one that is sought. */
export type TextTest = (value: string) => boolean;

/**
 * The texts that are equal to the one sought, contain it, start with it or end with it.
 *
 * Where case does not matter, texts are compared in their {@link caseless} form. Nearly all of them are ASCII, and are compared without
 * making that form. What makes this right: the form of an ASCII character is one character, which neither what comes before
 * it nor an ASCII character after it can change; and no other character is composed to one of ASCII.
 */
export function textTest(
  operator: "eq" | "co" | "sw" | "ew",
  text: string,
  caseExact: boolean,
): TextTest {
  if (caseExact) {
    return {
      eq: (value: string) => value === text,
      co: (value: string) => value.includes(text),
      sw: (value: string) => value.startsWith(text),
      ew: (value: string) => value.endsWith(text),
    }[operator];
  }
  const sought = caseless(text);
  const compared: Record<typeof operator, TextTest> = {
    eq: (value) => caseless(value) === sought,
    co: (value) => caseless(value).includes(sought),
    sw: (value) => caseless(value).startsWith(sought),
    ew: (value) => caseless(value).endsWith(sought),
  };
  const slow = compared[operator];
  if (!isAscii(sought)) return slow;
  switch (operator) {
    case "eq":
      return (value) => startsWithAscii(value, sought, true, slow);
    case "sw":
      return (value) => startsWithAscii(value, sought, false, slow);
    case "ew":
      return (value) => endsWithAscii(value, sought, slow);
    case "co":
      // The simple search below would take long for texts that repeat themselves.
      if (sought.length > 64) return (value) => folded(value).includes(sought);
      return (value) => containsAscii(value, sought, slow);
  }
}

/** The {@link caseless} form of a text. */
export function folded(text: string): string {
  return isAscii(text) ? text.toLowerCase() : caseless(text);
}

/**
 * Compares texts by code points, as a database that compares the bytes of UTF-8 does. JavaScript goes by the code units of UTF-16,
 * of which those of surrogate pairs precede U+E000 to U+FFFF.
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

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

function startsWithAscii(value: string, sought: string, isWhole: boolean, slow: TextTest): boolean {
  const { length } = sought;
  for (let i = 0; i < length; i++) {
    if (i === value.length) return false;
    const code = value.charCodeAt(i);
    if (code >= 0x80) return slow(value);
    if (lower(code) !== sought.charCodeAt(i)) return false;
  }
  if (value.length === length) return true;
  // What follows may be a mark that changes the last character.
  return value.charCodeAt(length) >= 0x80 ? slow(value) : !isWhole;
}

function endsWithAscii(value: string, sought: string, slow: TextTest): boolean {
  let i = value.length;
  for (let j = sought.length - 1; j >= 0; j--) {
    if (--i < 0) return false;
    const code = value.charCodeAt(i);
    if (code >= 0x80) return slow(value);
    if (lower(code) !== sought.charCodeAt(j)) return false;
  }
  return true;
}

function containsAscii(value: string, sought: string, slow: TextTest): boolean {
  const { length } = sought;
  const first = sought.charCodeAt(0);
  for (let start = 0; start < value.length; start++) {
    const code = value.charCodeAt(start);
    if (code >= 0x80) return slow(value);
    if (lower(code) !== first) continue;
    let i = 1;
    while (i < length && lower(value.charCodeAt(start + i)) === sought.charCodeAt(i)) i++;
    if (i < length) continue;
    return value.charCodeAt(start + length) >= 0x80 ? slow(value) : true;
  }
  return length === 0;
}
