/** A bare item (RFC 9651 §3.3); of the types that signatures do not have, only that it is one is told. */
export type BareItem =
  | { readonly type: "integer"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "byte-sequence" | "boolean" | "other" };

/** A member of a dictionary. */
export interface DictionaryMember {
  /** The value with its parameters, as it was received. */
  readonly source: string;
  /** The type of the value, or that it is an inner list. */
  readonly type: BareItem["type"] | "inner-list";
  readonly parameters: ReadonlyMap<string, BareItem>;
}

/** The longest field that is read, in characters. */
const longestField = 8_192;

/**
 * Reads a field that is a dictionary of structured fields (RFC 9651 §4.2.2), and refuses what the grammar does not have. A key
 * that is there twice, of which the RFC takes the last, is refused too: nobody who signs writes one.
 *
 * @returns `undefined` where the field is no dictionary.
 */
export function parseDictionary(field: string): ReadonlyMap<string, DictionaryMember> | undefined {
  if (field.length > longestField) return undefined;
  try {
    return new Reader(field).dictionary();
  } catch (error) {
    if (error instanceof NotStructured) return undefined;
    throw error;
  }
}

/** Writes a string (RFC 9651 §4.1.6); `undefined` where it has characters that a string cannot have. */
export function printString(text: string): string | undefined {
  if (!/^[\x20-\x7e]*$/.test(text)) return undefined;
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : `"${text}"`;
}

/** Writes an item in the one form that §4.1 gives it; `undefined` for a type that signatures do not have. */
export function printItem(item: BareItem): string | undefined {
  if (item.type === "integer") return String(item.value);
  return item.type === "string" ? printString(item.value) : undefined;
}

/** What a text is when it is no structured field; it does not leave this file. */
class NotStructured extends Error {}

const spaces = / */y;
const someSpaces = / +/y;
const whitespace = /[ \t]*/y;
const comma = /,[ \t]*/y;
const key = /[a-z*][a-z0-9_.*-]*/y;
const number = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y;
const string = /"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y;
/** The rest of an inner list of nothing but strings, of which some are of a request: all that most signatures cover. */
const plainStrings = /(?:"[\x20\x21\x23-\x5b\x5d-\x7e]*"(?:;req)?(?: +|(?=\))))*\)/y;
const byteSequence = /:[A-Za-z0-9+/]*={0,2}:/y;
const boolean = /\?[01]/y;
const other =
  /@-?\d{1,15}(?![\d.])|%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"|[A-Za-z*][\w!#$%&'*+.^`|~:/-]*/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  dictionary(): ReadonlyMap<string, DictionaryMember> {
    const members = new Map<string, DictionaryMember>();
    this.#skip(spaces);
    while (this.#at < this.#text.length) {
      const name = this.#take(key);
      if (members.has(name)) throw new NotStructured();
      members.set(name, this.#member());
      this.#skip(whitespace);
      if (this.#at === this.#text.length) break;
      this.#take(comma);
      if (this.#at === this.#text.length) throw new NotStructured();
    }
    return members;
  }

  #member(): DictionaryMember {
    // A member without a value is the boolean true.
    if (!this.#accept("=")) {
      const start = this.#at;
      const parameters = this.#parameters();
      return { source: this.#text.slice(start, this.#at), type: "boolean", parameters };
    }
    const start = this.#at;
    const type = this.#accept("(") ? this.#innerList() : this.#bareItem().type;
    const parameters = this.#parameters();
    return { source: this.#text.slice(start, this.#at), type, parameters };
  }

  #innerList(): "inner-list" {
    if (this.#skip(plainStrings)) return "inner-list";
    this.#skip(spaces);
    while (!this.#accept(")")) {
      this.#bareItem();
      this.#parameters();
      if (this.#text[this.#at] !== ")") this.#take(someSpaces);
    }
    return "inner-list";
  }

  #parameters(): ReadonlyMap<string, BareItem> {
    const parameters = new Map<string, BareItem>();
    while (this.#accept(";")) {
      this.#skip(spaces);
      const name = this.#take(key);
      if (parameters.has(name)) throw new NotStructured();
      parameters.set(name, this.#accept("=") ? this.#bareItem() : { type: "boolean" });
    }
    return parameters;
  }

  #bareItem(): BareItem {
    switch (this.#text[this.#at]) {
      case '"': {
        const text = this.#take(string);
        const value = text.slice(1, -1);
        return {
          type: "string",
          value: value.includes("\\") ? value.replace(/\\(.)/g, "$1") : value,
        };
      }
      case ":":
        this.#take(byteSequence);
        return { type: "byte-sequence" };
      case "?":
        this.#take(boolean);
        return { type: "boolean" };
    }
    const start = this.#at;
    if (!this.#skip(number)) {
      this.#take(other);
      return { type: "other" };
    }
    const digits = this.#text.slice(start, this.#at);
    return digits.includes(".") ? { type: "other" } : { type: "integer", value: Number(digits) };
  }

  #accept(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #take(pattern: RegExp): string {
    const start = this.#at;
    if (!this.#skip(pattern)) throw new NotStructured();
    return this.#text.slice(start, this.#at);
  }

  /** Goes over what the pattern finds here. Each is sticky, and none of them can go back. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const isFound = pattern.test(this.#text);
    if (isFound) this.#at = pattern.lastIndex;
    return isFound;
  }
}
