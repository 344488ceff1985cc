import { BerWriter, Filter } from "ldapts";
import { LdapFilterError } from "./errors.js";

/** How long a filter may be, in bytes of UTF-8. */
const maxFilterSize = 131_072;
/** How many levels of `&`, `|` and `!` a filter may have. */
const maxFilterDepth = 100;

/** The tags of RFC 4511 §4.5.1. */
const and = 0xa0;
const or = 0xa1;
const not = 0xa2;
const equalityMatch = 0xa3;
const substrings = 0xa4;
const greaterOrEqual = 0xa5;
const lessOrEqual = 0xa6;
const present = 0x87;
const approxMatch = 0xa8;
const extensibleMatch = 0xa9;

/**
 * A filter in the string form of RFC 4515, which checks and encodes itself in one pass.
 *
 * ldapts has a parser too, but it takes `\c3\a9` for two characters in place of two octets of one, and knows
 * neither attribute options nor numeric attribute types, so that such filters would silently match nothing.
 */
export class StringFilter extends Filter {
  override readonly type: typeof and = and;
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  /** @throws LdapFilterError - the text is not a filter. */
  override write(writer: BerWriter): void {
    new FilterEncoder(this.#text, writer).encode();
  }

  override toString(): string {
    return this.#text;
  }
}

/**
 * Checks a filter that is to become part of another: by itself, since two in a row would be one more condition there.
 *
 * @throws LdapFilterError - the text is not one filter.
 */
export function checkFilter(text: string): void {
  new StringFilter(text).write(new BerWriter());
}

/** The attributes that a filter looks at, in lower case and without options. It is to be one. */
export function attributesIn(filter: string): ReadonlySet<string> {
  // In a value a parenthesis is escaped, so what follows one is an attribute, or another filter.
  const named = filter.matchAll(/\(\s*([a-z][\w-]*|\d+(?:\.\d+)+)/gi);
  return new Set(Array.from(named, ([, name = ""]) => name.toLowerCase()));
}

/**
 * A value as it may stand in a filter: `*`, `(`, `)`, `\` and NUL are escaped in a text, and every octet of binary
 * data (RFC 4515 §3).
 */
export function escapeFilterValue(value: string | Uint8Array): string {
  if (typeof value === "string") {
    return value.replace(/[*()\\\0]/g, (character) => escapeOctet(character.charCodeAt(0)));
  }
  return Array.from(value, escapeOctet).join("");
}

function escapeOctet(octet: number): string {
  return `\\${octet.toString(16).padStart(2, "0")}`;
}

// RFC 4512 §1.4 and §2.5; the underscore is not in the grammar, but in the schemas of several servers.
const attributeDescription = /(?:[A-Za-z][\w-]*|\d+(?:\.\d+)+)(?:;[\w-]+)*/y;
const matchingRule = /(?:[A-Za-z][\w-]*|\d+(?:\.\d+)+)/y;
/** The part of a value that stands for itself. */
const plainValue = /[^*()\\\0]*/y;

class FilterEncoder {
  readonly #text: string;
  readonly #writer: BerWriter;
  #position = 0;

  constructor(text: string, writer: BerWriter) {
    this.#text = text;
    this.#writer = writer;
  }

  encode(): void {
    if (Buffer.byteLength(this.#text) > maxFilterSize) {
      throw new LdapFilterError(`it is longer than ${maxFilterSize} bytes`, 0);
    }
    const surrogate = this.#text.search(/\p{Surrogate}/u);
    if (surrogate !== -1) throw new LdapFilterError("half of a surrogate pair", surrogate);
    this.#filter(0);
    if (this.#position < this.#text.length) this.#fail("something follows the filter");
  }

  #filter(depth: number): void {
    if (depth > maxFilterDepth) this.#fail(`it nests more than ${maxFilterDepth} levels deep`);
    this.#expect("(", "a parenthesis must open here");
    switch (this.#text[this.#position]) {
      case "&":
        this.#list(and, depth);
        break;
      case "|":
        this.#list(or, depth);
        break;
      case "!":
        this.#position += 1;
        this.#writer.startSequence(not);
        this.#filter(depth + 1);
        this.#writer.endSequence();
        break;
      default:
        this.#item();
    }
    this.#expect(")", "a parenthesis must close here");
  }

  /** `&` or `|`, and any number of filters: none is the absolute true or false of RFC 4526. */
  #list(tag: number, depth: number): void {
    this.#position += 1;
    this.#writer.startSequence(tag);
    while (this.#text[this.#position] === "(") this.#filter(depth + 1);
    this.#writer.endSequence();
  }

  #item(): void {
    const attribute = this.#match(attributeDescription);
    if (attribute === undefined) {
      if (this.#text[this.#position] !== ":") this.#fail("an attribute must be named here");
      this.#extensible(undefined);
    } else if (this.#text[this.#position] === ":") {
      this.#extensible(attribute);
    } else if (this.#take(">=")) {
      this.#assertion(greaterOrEqual, attribute);
    } else if (this.#take("<=")) {
      this.#assertion(lessOrEqual, attribute);
    } else if (this.#take("~=")) {
      this.#assertion(approxMatch, attribute);
    } else if (this.#take("=")) {
      this.#equality(attribute);
    } else {
      this.#fail("=, >=, <=, ~= or := must follow the attribute");
    }
  }

  /** What follows `attribute=`: a value, `*` alone for presence, or parts of a value with `*` between them. */
  #equality(attribute: string): void {
    const parts = [this.#value()];
    while (this.#take("*")) parts.push(this.#value());
    const first = parts[0];
    if (parts.length === 1 && first !== undefined) {
      this.#writer.startSequence(equalityMatch);
      this.#writer.writeString(attribute);
      this.#writer.writeBuffer(first, 0x04);
      this.#writer.endSequence();
    } else if (parts.every((part) => part.length === 0)) {
      if (parts.length > 2) this.#fail("two asterisks have nothing between them");
      this.#writer.writeString(attribute, present);
    } else {
      this.#substrings(attribute, parts);
    }
  }

  #substrings(attribute: string, parts: readonly Buffer[]): void {
    this.#writer.startSequence(substrings);
    this.#writer.writeString(attribute);
    this.#writer.startSequence();
    for (const [index, part] of parts.entries()) {
      const isFirst = index === 0;
      const isLast = index === parts.length - 1;
      if (part.length === 0) {
        if (isFirst || isLast) continue;
        this.#fail("two asterisks have nothing between them");
      }
      this.#writer.writeBuffer(part, isFirst ? 0x80 : isLast ? 0x82 : 0x81);
    }
    this.#writer.endSequence();
    this.#writer.endSequence();
  }

  #assertion(tag: number, attribute: string): void {
    this.#writer.startSequence(tag);
    this.#writer.writeString(attribute);
    this.#writer.writeBuffer(this.#value(), 0x04);
    this.#writer.endSequence();
  }

  /** `[":dn"] [":" rule] ":=" value`, of which either the attribute or the rule must be there. */
  #extensible(attribute: string | undefined): void {
    let dnAttributes = false;
    let rule: string | undefined;
    while (!this.#take(":=")) {
      this.#expect(":", ":= must follow here");
      const word = this.#match(matchingRule);
      if (word === undefined) this.#fail("a matching rule must be named here");
      if (word.toLowerCase() === "dn" && !dnAttributes && rule === undefined) dnAttributes = true;
      else if (rule === undefined) rule = word;
      else this.#fail("only one matching rule can be named");
    }
    if (attribute === undefined && rule === undefined) {
      this.#fail("an attribute or a matching rule must be named");
    }
    this.#writer.startSequence(extensibleMatch);
    if (rule !== undefined) this.#writer.writeString(rule, 0x81);
    if (attribute !== undefined) this.#writer.writeString(attribute, 0x82);
    this.#writer.writeBuffer(this.#value(), 0x83);
    if (dnAttributes) this.#writer.writeBoolean(true, 0x84);
    this.#writer.endSequence();
  }

  /** The octets up to the next `*` or `)`. */
  #value(): Buffer {
    const pieces: Buffer[] = [];
    for (;;) {
      const plain = this.#match(plainValue);
      if (plain) pieces.push(Buffer.from(plain));
      switch (this.#text[this.#position]) {
        case "(":
          this.#fail("a parenthesis in a value is written \\28");
          break;
        case "\0":
          this.#fail("a NUL in a value is written \\00");
          break;
        case "\\": {
          const digits = this.#text.slice(this.#position + 1, this.#position + 3);
          if (!/^[\dA-Fa-f]{2}$/.test(digits)) {
            this.#fail("two hexadecimal digits must follow a backslash (which itself is \\5c)");
          }
          pieces.push(Buffer.from(digits, "hex"));
          this.#position += 3;
          break;
        }
        case undefined:
          this.#fail("a parenthesis must close here");
          break;
        default:
          return Buffer.concat(pieces);
      }
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #take(token: string): boolean {
    const isNext = this.#text.startsWith(token, this.#position);
    if (isNext) this.#position += token.length;
    return isNext;
  }

  #expect(token: string, problem: string): void {
    if (!this.#take(token)) this.#fail(problem);
  }

  #fail(problem: string): never {
    throw new LdapFilterError(problem, this.#position);
  }
}
