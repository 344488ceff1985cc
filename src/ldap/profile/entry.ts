import { isUtf8 } from "node:buffer";
import { InvalidValueError } from "../../core/index.js";
import { BerReader, Tag } from "../wire/ber.js";
import { canonicalAttributeType } from "../wire/dn-attribute-types.js";
import { decodeValues, isAt } from "../wire/entry-attributes.js";
import { idOfExtendedDn, plainDn } from "../wire/extended-dn.js";
import type { EncodedEntry } from "../wire/message.js";
import type { Identification } from "./identification.js";

/**
 * An entry of the directory, as a mapping sees it.
 *
 * Attributes are named by description: `cn` means the values without options only, `cn;lang-de` those with just this
 * option. Common aliases and object identifiers mean the same attribute, in any case. An attribute that was not asked
 * for cannot be distinguished from one without values, so looking at one is an error.
 *
 * It can be looked at while the mapping runs. Afterwards it has no values: the memory that they were received in is
 * used for the next entry.
 */
export interface DirectoryEntry {
  /** The directory's permanent id: of OpenLDAP the entryUUID, in lower case. */
  readonly id: string;
  /** The distinguished name, in the server's spelling. */
  readonly dn: string;
  /** When it is looked at, in milliseconds since the epoch, by the clock of the stream. */
  readonly now: number;
  /** The first value as text; undefined without one. A value that is not UTF-8 is ignored. */
  text(attribute: string): string | undefined;
  /** All values as texts, without those that are not UTF-8. */
  texts(attribute: string): readonly string[];
  /** All values as bytes. */
  bytes(attribute: string): readonly Uint8Array[];
  /**
   * The permanent ids of the entries that the values name. Only Active Directory gives those with the names; of any
   * other directory there are none.
   */
  ids(attribute: string): readonly string[];
}

const maxSpellings = 1_000;
/** How many attributes of an entry are expected to come in the order of the entry before it. */
const maxExpected = 256;

/**
 * Gives every attribute that is asked for a slot in an array, so that an entry is looked through once however many
 * mappings look at it.
 */
export class AttributeSlots {
  readonly #slots = new Map<string, number>();
  /** Every spelling that was seen, so that none is folded twice; -1 for attributes that were not asked for. */
  readonly #spellings = new Map<string, number>();
  /** The attributes of the last entry, in its order, since most entries have the same as the one before them. */
  readonly #expected: { readonly spelling: string; readonly slot: number }[] = [];

  /** Whether values that are names come with permanent ids. */
  readonly areNamesExtended: boolean;

  constructor(attributes: readonly string[], areNamesExtended = false) {
    this.areNamesExtended = areNamesExtended;
    for (const attribute of attributes) {
      const name = canonicalAttributeType(attribute);
      if (!this.#slots.has(name)) this.#slots.set(name, this.#slots.size);
    }
  }

  get size(): number {
    return this.#slots.size;
  }

  /** The slot of an attribute; -1 if it was not asked for. */
  find(description: string): number {
    const known = this.#spellings.get(description);
    if (known !== undefined) return known;
    const slot = this.#slots.get(canonicalAttributeType(description)) ?? -1;
    // Spellings come from outside, so there is an end to what is remembered.
    if (this.#spellings.size < maxSpellings) this.#spellings.set(description, slot);
    return slot;
  }

  /** The slot of the attribute that is named in the bytes, as the one with this position in its entry. */
  findAt(position: number, bytes: Buffer, start: number, end: number): number {
    const expected = this.#expected[position];
    if (expected !== undefined && isAt(expected.spelling, bytes, start, end)) return expected.slot;
    const spelling = bytes.toString("latin1", start, end);
    const slot = this.find(spelling);
    if (position <= this.#expected.length && position < maxExpected) {
      this.#expected[position] = { spelling, slot };
    }
    return slot;
  }
}

const none: readonly string[] = [];

/** An entry with the slots of the attributes that were asked for. A value is decoded when it is looked at. */
export class SlottedEntry implements DirectoryEntry {
  readonly id: string;
  readonly dn: string;
  readonly now: number;
  readonly #slots: AttributeSlots;
  #bytes: Buffer;
  /** Reads the bytes, wherever it is needed: one for each value would be most of what is allocated for an entry. */
  #reader: BerReader;
  readonly #end: number;
  /** For each slot where the SET of values begins; 0 without one. */
  readonly #starts: number[];
  readonly #undecodable: (entry: DirectoryEntry) => void;

  /**
   * @param id - The id, or by what the entry itself says it.
   * @param now - The time, in milliseconds since the epoch.
   * @param undecodable - Called with each value that was to be text and is not UTF-8.
   */
  constructor(
    slots: AttributeSlots,
    { dn, attributes: { bytes, start, end } }: EncodedEntry,
    id: string | Identification,
    now: number,
    undecodable: (entry: DirectoryEntry) => void,
  ) {
    this.dn = dn;
    this.now = now;
    this.#slots = slots;
    this.#undecodable = undecodable;
    this.#bytes = bytes;
    this.#end = end;
    this.#starts = new Array<number>(slots.size).fill(0);
    const reader = new BerReader(bytes, start);
    this.#reader = reader;
    for (let position = 0; reader.offset < end; position += 1) {
      const attributeEnd = reader.enter(Tag.sequence, end);
      const typeEnd = reader.enter(Tag.octetString, attributeEnd);
      const slot = slots.findAt(position, bytes, reader.offset, typeEnd);
      if (slot >= 0) this.#starts[slot] = typeEnd;
      reader.moveTo(attributeEnd);
    }
    this.id = typeof id === "string" ? id : this.#readId(id);
  }

  text(attribute: string): string | undefined {
    return this.textAt(this.#slot(attribute));
  }

  texts(attribute: string): readonly string[] {
    return this.textsAt(this.#slot(attribute));
  }

  /** Copies, since the memory of a large entry is used again. */
  bytes(attribute: string): readonly Uint8Array[] {
    const { bytes, start, end } = this.encodedAt(this.#slot(attribute));
    return decodeValues(bytes, start, end).map((value) => Buffer.from(value));
  }

  ids(attribute: string): readonly string[] {
    if (!this.#slots.areNamesExtended) return none;
    const { bytes, start, end } = this.encodedAt(this.#slot(attribute));
    const names = decodeValues(bytes, start, end).map((value) => value.toString("utf8"));
    return names.map(idOfExtendedDn).filter((id) => id !== undefined);
  }

  /** Ends the looking: the bytes may be others from here on. */
  close(): void {
    this.#bytes = Buffer.alloc(0);
    this.#reader = new BerReader(this.#bytes);
    this.#starts.fill(0);
  }

  /** The first value of the attribute with this slot that is a text. */
  textAt(slot: number): string | undefined {
    const end = this.#enter(slot);
    while (this.#reader.offset < end) {
      const text = this.#readText(end);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  /** All texts of the attribute with this slot. */
  textsAt(slot: number): readonly string[] {
    let texts: string[] | undefined;
    const end = this.#enter(slot);
    while (this.#reader.offset < end) {
      const text = this.#readText(end);
      if (text === undefined) continue;
      if (texts !== undefined) texts.push(text);
      // Mostly there is one, and an array that is pushed to makes room for many.
      else texts = [text];
    }
    return texts ?? none;
  }

  /** The values of the attribute with this slot as they came: OCTET STRINGs, one after the other. */
  encodedAt(slot: number): EncodedValues {
    const end = this.#enter(slot);
    return { bytes: this.#bytes, start: Math.min(this.#reader.offset, end), end };
  }

  /** The bytes as text; undefined of what is not UTF-8, which is reported. */
  textOf(bytes: Buffer, start: number, end: number): string | undefined {
    const text = bytes.toString("utf8", start, end);
    // The decoder writes U+FFFD for what is not UTF-8, so only a text with one of those needs a second look.
    if (!text.includes("\ufffd") || isUtf8(bytes.subarray(start, end))) return text;
    this.#undecodable(this);
    return undefined;
  }

  /** Goes to the values of the attribute with this slot. Returns where they end, which is nowhere without any. */
  #enter(slot: number): number {
    const start = this.#starts[slot] ?? 0;
    if (start === 0) return 0;
    this.#reader.moveTo(start);
    return this.#reader.enter(Tag.set, this.#end);
  }

  #readText(end: number): string | undefined {
    const reader = this.#reader;
    const valueEnd = reader.enter(Tag.octetString, end);
    const text = this.textOf(this.#bytes, reader.offset, valueEnd);
    reader.moveTo(valueEnd);
    return text !== undefined && this.#slots.areNamesExtended ? plainDn(text) : text;
  }

  #readId({ id, read }: Identification): string {
    const end = this.#enter(this.#slot(id));
    return this.#reader.offset < end ? read(this.#reader.readOctets(end)) : "";
  }

  #slot(attribute: string): number {
    const slot = this.#slots.find(attribute);
    if (slot < 0) {
      throw new InvalidValueError(
        "profile",
        `a mapping looks at "${attribute}", which was not asked for: name it in "reads" or "attributes".`,
      );
    }
    return slot;
  }
}

/** Where the encodings of an attribute's values lie: the octets of `bytes` from `start` to before `end`. */
export interface EncodedValues {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}
