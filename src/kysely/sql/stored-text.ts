import { InvalidValueError } from "../../core/index.js";

/**
 * Writes a text so that a database that compares bytes of UTF-8 orders it as JavaScript orders strings, by code units
 * of UTF-16, and so that every database can hold it.
 *
 * The two orders differ where a surrogate pair meets U+E000 to U+FFFF, which follow it in UTF-16 and precede it in
 * UTF-8; a mark before each of them puts that right. PostgreSQL cannot hold U+0000, so it is marked too. All other
 * text, nearly all there is, stays as it is.
 *
 * @throws {InvalidValueError} half a surrogate pair, which no encoding of Unicode can carry.
 */
export function encodeText(text: string): string {
  if (isPlain(text)) return text;
  const unmarked = hasControl(text)
    ? text.replaceAll("\u0001", "\u0001\u0002").replaceAll("\u0000", "\u0001\u0001")
    : text;
  if (!/[\uD800-\uFFFF]/.test(unmarked)) return unmarked;
  if (!unmarked.isWellFormed()) {
    throw new InvalidValueError("text", "it holds half a surrogate pair, which cannot be stored.");
  }
  return unmarked.replace(/[\uE000-\uFFFF]|[\u{10000}-\u{10FFFF}]/gu, (character) =>
    character.length === 2 ? `\uE000${character}` : `\uE001${character}`,
  );
}

/** The text that {@link encodeText} wrote. */
export function decodeText(stored: string): string {
  if (isPlain(stored)) return stored;
  const unmarked = /[\uE000\uE001]/.test(stored)
    ? stored.replace(/[\uE000\uE001](.)/gsu, "$1")
    : stored;
  return unmarked.includes("\u0001")
    ? unmarked.replaceAll("\u0001\u0001", "\u0000").replaceAll("\u0001\u0002", "\u0001")
    : unmarked;
}

/**
 * Whether there is nothing in a text, nor in what was made of one, that is not stored as it is: one look for nearly
 * all.
 */
function isPlain(text: string): boolean {
  return !/[^ -\uD7FF]/.test(text);
}

function hasControl(text: string): boolean {
  return text.includes("\u0000") || text.includes("\u0001");
}

/**
 * Checks that every text in a value can be stored, in any of the databases.
 *
 * @throws {InvalidValueError} U+0000, or half a surrogate pair.
 */
export function checkText(path: string, value: unknown): void {
  if (typeof value === "string") {
    if (isPlain(value)) return;
    if (value.includes("\u0000")) {
      throw new InvalidValueError(path, "it holds the character U+0000, which cannot be stored.");
    }
    if (!value.isWellFormed()) {
      throw new InvalidValueError(path, "it holds half a surrogate pair, which cannot be stored.");
    }
  } else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      checkText(path, key);
      checkText(path, (value as Readonly<Record<string, unknown>>)[key]);
    }
  }
}
