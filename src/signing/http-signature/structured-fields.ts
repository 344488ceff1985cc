/** A bare item (RFC 9651 §3.3). */
export interface BareItem {
  readonly type:
    | "integer"
    | "decimal"
    | "string"
    | "token"
    | "byte-sequence"
    | "boolean"
    | "date"
    | "display-string";
  /** The item as it was received. */
  readonly source: string;
}

/** The parameters of an item or an inner list, in their order. */
export type Parameters = ReadonlyMap<string, BareItem>;

/** An item with its parameters. */
export interface Item {
  readonly value: BareItem;
  readonly parameters: Parameters;
}

/** A member of a list or a dictionary. */
export interface Member {
  /** The value with its parameters, as it was received. */
  readonly source: string;
  /** The value; `undefined` where it is an inner list, which {@link innerListItems} reads. */
  readonly value: BareItem | undefined;
  readonly parameters: Parameters;
}

/** The longest field that is read, in characters. */
const longestField = 8_192;

/** What is refused beside what the grammar refuses. */
export interface ReadOptions {
  /**
   * Whether a key may be there twice, of which the last counts, as RFC 9651 has it. Default: false, since no signer
   * writes one.
   */
  readonly repeatedKeys?: boolean;
}

/**
 * Reads a field that is a dictionary of structured fields (RFC 9651 §4.2.2), and refuses what the grammar does not
 * have.
 *
 * @returns `undefined` where the field is no dictionary.
 */
export function parseDictionary(
  field: string,
  options?: ReadOptions,
): ReadonlyMap<string, Member> | undefined {
  return read(field, (reader) => reader.dictionary(), options);
}

/** Reads a field that is a list (§4.2.1); `undefined` where it is none. */
export function parseList(field: string, options?: ReadOptions): readonly Member[] | undefined {
  return read(field, (reader) => reader.list(), options);
}

/** Reads a field that is an item (§4.2.3); `undefined` where it is none. */
export function parseItem(field: string, options?: ReadOptions): Item | undefined {
  return read(field, (reader) => reader.single(), options);
}

/** The items of a member that is an inner list. */
export function innerListItems({ source }: Member, options?: ReadOptions): readonly Item[] {
  return read(source, (reader) => reader.innerList(), options) ?? [];
}

function read<R>(
  field: string,
  parse: (reader: Reader) => R,
  { repeatedKeys = false }: ReadOptions = {},
): R | undefined {
  if (field.length > longestField) return undefined;
  try {
    return parse(new Reader(field, repeatedKeys));
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

/** What a display string stands for (§4.2.10); `undefined` where its bytes are not UTF-8. */
export function displayText(source: string): string | undefined {
  try {
    return decodeURIComponent(source.slice(2, -1));
  } catch {
    return undefined;
  }
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
const date = /@-?\d{1,15}(?![\d.])/y;
const displayString = /%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"/y;
const token = /[A-Za-z*][\w!#$%&'*+.^`|~:/-]*/y;

/** The value of a member or a parameter that is there without one. */
const isTrue: BareItem = { type: "boolean", source: "?1" };

const integer = /^-?\d+$/;

class Reader {
  readonly #text: string;
  readonly #repeatedKeys: boolean;
  #at = 0;

  constructor(text: string, repeatedKeys: boolean) {
    this.#text = text;
    this.#repeatedKeys = repeatedKeys;
  }

  dictionary(): ReadonlyMap<string, Member> {
    const members = new Map<string, Member>();
    this.#listed(() => {
      const name = this.#take(key);
      this.#assertNew(members, name);
      // A member without a value is the boolean true.
      members.set(name, this.#accept("=") ? this.#member() : this.#flag());
    });
    return members;
  }

  list(): readonly Member[] {
    const members: Member[] = [];
    this.#listed(() => void members.push(this.#member()));
    return members;
  }

  single(): Item {
    this.#skip(spaces);
    const item = this.#item();
    this.#skip(spaces);
    if (this.#at < this.#text.length) throw new NotStructured();
    return item;
  }

  innerList(): readonly Item[] {
    const items: Item[] = [];
    if (!this.#accept("(")) throw new NotStructured();
    this.#skip(spaces);
    while (!this.#accept(")")) {
      items.push(this.#item());
      if (this.#text[this.#at] !== ")") this.#take(someSpaces);
    }
    return items;
  }

  /** Members that commas divide, up to the end of the field. */
  #listed(member: () => void): void {
    this.#skip(spaces);
    while (this.#at < this.#text.length) {
      member();
      this.#skip(whitespace);
      if (this.#at === this.#text.length) break;
      this.#take(comma);
      if (this.#at === this.#text.length) throw new NotStructured();
    }
  }

  #flag(): Member {
    const start = this.#at;
    const parameters = this.#parameters();
    return { source: this.#text.slice(start, this.#at), value: isTrue, parameters };
  }

  #member(): Member {
    const start = this.#at;
    const isInnerList = this.#text[this.#at] === "(";
    const value = isInnerList ? undefined : this.#bareItem();
    if (isInnerList) this.#skipInnerList();
    const parameters = this.#parameters();
    return { source: this.#text.slice(start, this.#at), value, parameters };
  }

  #skipInnerList(): void {
    const start = this.#at;
    this.#at += 1;
    if (this.#skip(plainStrings)) return;
    this.#at = start;
    this.innerList();
  }

  #item(): Item {
    return { value: this.#bareItem(), parameters: this.#parameters() };
  }

  #parameters(): Parameters {
    const parameters = new Map<string, BareItem>();
    while (this.#accept(";")) {
      this.#skip(spaces);
      const name = this.#take(key);
      this.#assertNew(parameters, name);
      parameters.set(name, this.#accept("=") ? this.#bareItem() : isTrue);
    }
    return parameters;
  }

  #assertNew(known: ReadonlyMap<string, unknown>, name: string): void {
    if (!this.#repeatedKeys && known.has(name)) throw new NotStructured();
  }

  #bareItem(): BareItem {
    switch (this.#text[this.#at]) {
      case '"':
        return { type: "string", source: this.#take(string) };
      case ":":
        return { type: "byte-sequence", source: this.#take(byteSequence) };
      case "?":
        return { type: "boolean", source: this.#take(boolean) };
      case "@":
        return { type: "date", source: this.#take(date) };
      case "%": {
        const source = this.#take(displayString);
        if (displayText(source) === undefined) throw new NotStructured();
        return { type: "display-string", source };
      }
    }
    const start = this.#at;
    if (!this.#skip(number)) return { type: "token", source: this.#take(token) };
    const source = this.#text.slice(start, this.#at);
    return { type: integer.test(source) ? "integer" : "decimal", source };
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
