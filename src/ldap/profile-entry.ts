import { isUtf8 } from "node:buffer";
import { InvalidValueError } from "../core/index.js";
import { canonicalAttributeType } from "./dn-attribute-types.js";
import type { Attribute } from "./message.js";

/**
 * An entry of the directory, as a mapping sees it.
 *
 * Attributes are named by description: `cn` means the values without options only, `cn;lang-de` those with just this
 * option. Common aliases and object identifiers mean the same attribute, in any case. An attribute that was not asked for
 * cannot be told from one without values, so looking at one is an error.
 */
export interface DirectoryEntry {
  /** The directory's permanent id: the entryUUID, in lower case. */
  readonly id: string;
  /** The distinguished name, in the server's spelling. */
  readonly dn: string;
  /** The first value as text; undefined without one. A value that is not UTF-8 is passed over. */
  text(attribute: string): string | undefined;
  /** All values as texts, without those that are not UTF-8. */
  texts(attribute: string): readonly string[];
  /** All values as bytes. They are views of a larger buffer: copy what is kept. */
  bytes(attribute: string): readonly Uint8Array[];
}

const noValues: readonly Uint8Array[] = [];
const maxSpellings = 1_000;

/**
 * Gives every attribute that is asked for a place in an array, so that an entry is looked through once however many
 * mappings look at it.
 */
export class AttributeSlots {
  readonly #slots = new Map<string, number>();
  /** Every spelling that was seen, so that none is folded twice; -1 for attributes that nobody asked for. */
  readonly #spellings = new Map<string, number>();

  constructor(attributes: readonly string[]) {
    for (const attribute of attributes) {
      const name = canonicalAttributeType(attribute);
      if (!this.#slots.has(name)) this.#slots.set(name, this.#slots.size);
    }
  }

  get size(): number {
    return this.#slots.size;
  }

  /** The place of an attribute; -1 if it was not asked for. */
  find(description: string): number {
    const known = this.#spellings.get(description);
    if (known !== undefined) return known;
    const slot = this.#slots.get(canonicalAttributeType(description)) ?? -1;
    // Spellings come from outside, so there is an end to what is remembered.
    if (this.#spellings.size < maxSpellings) this.#spellings.set(description, slot);
    return slot;
  }
}

/** An entry whose attributes have been put in their places. */
export class SlottedEntry implements DirectoryEntry {
  readonly id: string;
  readonly dn: string;
  readonly #slots: AttributeSlots;
  readonly #values: (readonly Uint8Array[] | undefined)[];
  readonly #undecodable: (entry: DirectoryEntry) => void;

  /** @param undecodable - Told of each value that was to be text and is not UTF-8. */
  constructor(
    slots: AttributeSlots,
    id: string,
    dn: string,
    attributes: readonly Attribute[],
    undecodable: (entry: DirectoryEntry) => void,
  ) {
    this.id = id;
    this.dn = dn;
    this.#slots = slots;
    this.#undecodable = undecodable;
    this.#values = new Array<undefined>(slots.size);
    for (const attribute of attributes) {
      const slot = slots.find(attribute.type);
      if (slot >= 0) this.#values[slot] = attribute.values;
    }
  }

  text(attribute: string): string | undefined {
    return this.textAt(this.#slot(attribute));
  }

  texts(attribute: string): readonly string[] {
    return this.textsAt(this.#slot(attribute));
  }

  bytes(attribute: string): readonly Uint8Array[] {
    return this.valuesAt(this.#slot(attribute));
  }

  /** The first value of the attribute with this place that is a text. */
  textAt(slot: number): string | undefined {
    for (const value of this.valuesAt(slot)) {
      const text = this.textOf(value);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  /** All texts of the attribute with this place. */
  textsAt(slot: number): readonly string[] {
    const texts: string[] = [];
    for (const value of this.valuesAt(slot)) {
      const text = this.textOf(value);
      if (text !== undefined) texts.push(text);
    }
    return texts;
  }

  /** A value as text; undefined of one that is not UTF-8, which is reported. */
  textOf(value: Uint8Array): string | undefined {
    const text = decode(value);
    if (text === undefined) this.#undecodable(this);
    return text;
  }

  valuesAt(slot: number): readonly Uint8Array[] {
    return this.#values[slot] ?? noValues;
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

/** A value as UTF-8; undefined if it is something else. */
function decode(value: Uint8Array): string | undefined {
  const bytes = Buffer.isBuffer(value)
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  // Without arguments this is the shortest way to the decoder, and there is a value for every attribute of every entry.
  const text = bytes.toString();
  // The decoder writes U+FFFD for what is not UTF-8, so only a text with one of those needs a second look.
  return text.includes("\ufffd") && !isUtf8(bytes) ? undefined : text;
}
