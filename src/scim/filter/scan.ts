import { InvalidFilterError, InvalidPathError } from "./errors.js";
import type { AttrPath, CompareOperator, CompValue } from "./filter.js";
import { compareOperators } from "./operators.js";

/** The characters that the grammar gives a meaning, by their codes. */
export const openBracket = 0x28; // (
export const closeBracket = 0x29; // )
export const openSquare = 0x5b; // [
export const closeSquare = 0x5d; // ]
export const dot = 0x2e;
const colon = 0x3a;
const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const plus = 0x2b;
const zero = 0x30;
/** No character: what is read beyond the end. */
const end = -1;

/**
 * Reads the words of the filter grammar (RFC 7644 §3.4.2.2, figure 1) one after another. It goes by character codes,
 * each of which it looks at a small number of times at most, whatever the text.
 *
 * Where the grammar has a space, any number of blanks may be: spaces, tabs and line ends.
 */
export class Scanner {
  readonly text: string;
  position = 0;
  /** What a fault is one of: in the path of a PATCH operation, all that is not between brackets is the path's. */
  part: "filter" | "path";

  constructor(text: string, part: "filter" | "path", maxLength: number) {
    this.text = text;
    this.part = part;
    if (text.length > maxLength) {
      this.fail(`it is longer than ${maxLength} characters`, maxLength);
    }
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** The code of the character that comes next, or -1. */
  get next(): number {
    return this.at(this.position);
  }

  at(index: number): number {
    return index < this.text.length ? this.text.charCodeAt(index) : end;
  }

  /** Goes over blanks. Returns whether there were any. */
  skipBlanks(): boolean {
    const start = this.position;
    while (isBlank(this.next)) this.position++;
    return this.position > start;
  }

  /** Goes over the blanks that must be here. */
  expectBlanks(after: string): void {
    if (!this.skipBlanks()) this.failHere(`a space is expected after ${after}`);
  }

  /** Goes over one character, which must be here. */
  expect(code: number): void {
    if (this.next !== code) this.failHere(`"${String.fromCharCode(code)}" is expected`);
    this.position++;
  }

  /** Goes over a word in any case, where it stands here by itself. Returns whether it does. */
  skipWord(word: string): boolean {
    const after = this.position + word.length;
    for (let i = 0; i < word.length; i++) {
      if ((this.at(this.position + i) | 0x20) !== word.charCodeAt(i)) return false;
    }
    if (isPathCharacter(this.at(after))) return false;
    this.position = after;
    return true;
  }

  /** `attrPath = [URI ":"] ATTRNAME *1subAttr`. */
  attrPath(): AttrPath {
    const { text, position: start } = this;
    let firstColon = end;
    let lastColon = end;
    let firstDot = end;
    let lastDot = end;
    let stranger = end;
    let i = start;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (isNameCharacter(code)) continue;
      if (code === dot) {
        if (firstDot === end) firstDot = i;
        lastDot = i;
      } else if (code === colon) {
        if (firstColon === end) firstColon = i;
        lastColon = i;
        // What came before is of the URI, where a version may hold dots.
        firstDot = end;
        stranger = end;
      } else if (isPathCharacter(code)) {
        if (stranger === end) stranger = i;
      } else break;
    }
    if (stranger !== end) this.failAt(stranger, "this character is in no attribute name");
    if (firstDot !== end && lastDot > firstDot) {
      this.failAt(lastDot, "an attribute path has one sub-attribute at most");
    }
    const name = lastColon === end ? start : lastColon + 1;
    const attribute = this.#name(name, firstDot === end ? i : firstDot);
    this.position = i;
    if (lastColon !== end && (firstColon === lastColon || !isLetter(text.charCodeAt(start)))) {
      this.failAt(start, "what comes before the attribute name must be the URI of a schema");
    }
    // Each shape by itself: an object that is spread together takes ten times as long.
    if (lastColon === end) {
      if (firstDot === end) return { attribute };
      return { attribute, subAttribute: this.#name(firstDot + 1, i) };
    }
    const schema = text.slice(start, lastColon);
    if (firstDot === end) return { schema, attribute };
    return { schema, attribute, subAttribute: this.#name(firstDot + 1, i) };
  }

  /** `ATTRNAME`. */
  attributeName(): string {
    const start = this.position;
    let i = start;
    while (isNameCharacter(this.at(i))) i++;
    const name = this.#name(start, i);
    this.position = i;
    return name;
  }

  #name(start: number, after: number): string {
    // "$ref" is no ATTRNAME by the letter of the grammar, and an attribute all the same (RFC 7643 §2.4).
    const first = start < after ? this.at(start) : end;
    if (!isLetter(first) && first !== 0x24) this.failAt(start, "an attribute name is expected");
    return this.text.slice(start, after);
  }

  /** `compareOp`, or `pr`. */
  operator(): CompareOperator | "pr" {
    for (const operator of compareOperators) if (this.skipWord(operator)) return operator;
    if (this.skipWord("pr")) return "pr";
    return this.failHere(`an operator is expected (${compareOperators.join(", ")} or pr)`);
  }

  /** `compValue = false / null / true / number / string`, by the rules of JSON: the literals are in lower case. */
  value(): CompValue {
    const code = this.next;
    if (code === quote) return this.#string();
    if (isDigit(code) || code === minus) return this.#number();
    const { position } = this;
    const value = this.literal();
    if (value !== undefined && this.text.startsWith(String(value), position)) return value;
    this.position = position;
    return this.failHere('a value is expected ("text" in quotes, a number, true, false or null)');
  }

  /** `true`, `false` or `null`, in any case. */
  literal(): boolean | null | undefined {
    if (this.skipWord("true")) return true;
    if (this.skipWord("false")) return false;
    return this.skipWord("null") ? null : undefined;
  }

  #string(): string {
    const { text, position } = this;
    for (let i = position + 1; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === quote) {
        this.position = i + 1;
        return text.slice(position + 1, i);
      }
      if (code === backslash) return this.#escapedString(i);
      if (code < 0x20) this.fail("a control character in a string must be escaped", i);
    }
    return this.fail("the string that begins here has no end", position);
  }

  /** The rest of a string, from its first escape on. */
  #escapedString(firstEscape: number): string {
    const { text, position } = this;
    const parts = [text.slice(position + 1, firstEscape)];
    let plain = firstEscape;
    for (let i = firstEscape; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === quote) {
        this.position = i + 1;
        parts.push(text.slice(plain, i));
        return parts.join("");
      }
      if (code === backslash) {
        parts.push(text.slice(plain, i));
        const isCodeUnit = this.at(i + 1) === 0x75;
        const character = isCodeUnit ? this.#codeUnit(i) : escapedCharacter(this.at(i + 1));
        if (character === undefined) this.fail("this escape is none of JSON's", i);
        parts.push(character);
        i += isCodeUnit ? 5 : 1;
        plain = i + 1;
      } else if (code < 0x20) this.fail("a control character in a string must be escaped", i);
    }
    return this.fail("the string that begins here has no end", position);
  }

  /** The character of an escape with four hexadecimal digits. */
  #codeUnit(start: number): string | undefined {
    let unit = 0;
    for (let i = start + 2; i < start + 6; i++) {
      const digit = hexDigit(this.at(i));
      if (digit === undefined) return undefined;
      unit = unit * 16 + digit;
    }
    return String.fromCharCode(unit);
  }

  #number(): number {
    const start = this.position;
    let i = start;
    if (this.at(i) === minus) i++;
    // A zero in front is the whole of the integer part.
    i = this.at(i) === zero ? i + 1 : this.#digits(i);
    if (this.at(i) === dot) i = this.#digits(i + 1);
    if ((this.at(i) | 0x20) === 0x65) {
      const sign = this.at(i + 1);
      i = this.#digits(sign === plus || sign === minus ? i + 2 : i + 1);
    }
    if (isPathCharacter(this.at(i))) this.failAt(start, "this is no number of JSON");
    const number = Number(this.text.slice(start, i));
    if (!Number.isFinite(number)) this.failAt(start, "this number is too large");
    this.position = i;
    return number;
  }

  /** The index after a row of digits, of which there must be one. */
  #digits(start: number): number {
    let i = start;
    while (isDigit(this.at(i))) i++;
    if (i === start) this.failAt(start, "a digit is expected");
    return i;
  }

  /** Fails where the scanner is, and says what it found there. */
  failHere(message: string): never {
    return this.failAt(this.position, message);
  }

  /** Fails at an index outside of strings, and says what is there. */
  failAt(index: number, message: string): never {
    if (index >= this.text.length) return this.fail(`${message}, and nothing follows`, index);
    let after = index;
    while (after < index + 20 && after < this.text.length && this.at(after) !== quote) after++;
    const found = after === index ? "a quotation mark" : `"${this.text.slice(index, after)}"`;
    return this.fail(`${message}, and ${found} is here`, index);
  }

  /** Fails without a word of the text: strings may hold what is confidential. */
  fail(message: string, position: number): never {
    const text = `At position ${position} of the ${this.part}: ${message}.`;
    throw this.part === "filter"
      ? new InvalidFilterError(text, { position })
      : new InvalidPathError(text, { position });
  }
}

function escapedCharacter(code: number): string | undefined {
  switch (code) {
    case quote:
      return '"';
    case backslash:
      return "\\";
    case 0x2f:
      return "/";
    case 0x62:
      return "\b";
    case 0x66:
      return "\f";
    case 0x6e:
      return "\n";
    case 0x72:
      return "\r";
    case 0x74:
      return "\t";
    default:
      return undefined;
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= 0x39;
}

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** `nameChar`, with the `$` of RFC 7643 §2.1. */
function isNameCharacter(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === minus || code === 0x5f || code === 0x24;
}

/** What a path may be made of, its URI included, and so what no other word may be followed by at once. */
function isPathCharacter(code: number): boolean {
  if (code <= 0x20 || code > 0x7e) return code > 0x7e;
  return (
    code !== openBracket &&
    code !== closeBracket &&
    code !== openSquare &&
    code !== closeSquare &&
    code !== quote &&
    code !== backslash
  );
}

function hexDigit(code: number): number | undefined {
  if (isDigit(code)) return code - zero;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : undefined;
}
