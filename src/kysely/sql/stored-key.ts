import { createHash } from "node:crypto";
import { decodeObject } from "./stored-json.js";
import { decodeText, encodeText } from "./stored-text.js";

/**
 * The most characters of a key, in every database.
 *
 * A key of three such columns and a short one must fit into an index: MariaDB allows 3072 bytes and counts four to a
 * character, PostgreSQL allows about 2700 and counts those that there are, three at most.
 */
export const keyLength = 240;

/** How many characters of a text that is too long are in its key; encoded, they may be twice as many. */
const keptLength = 96;

/** What a shortened key has and no encoded text: after U+0001, that has U+0001 or U+0002 only. */
const mark = "\u0001\u0003";

/**
 * Writes a text for a column that has an index, as {@link encodeText} does, but never longer than an index takes.
 *
 * A longer text has its first characters as its key, and a digest of all of it (SHA-256). So keys are equal exactly
 * when their texts are, and are in the order of the first 95 characters of their texts. Half a surrogate
 * pair, which no encoding of Unicode can carry, is distinguished by the digest too. What the texts were,
 * {@link wholeTexts} keeps beside them.
 *
 * Every writer of the directory chooses how long its names are. One that the database refused to index would stop
 * the synchronisation of all the others.
 */
export function encodeKey(text: string): string {
  if (!isCut(text)) return encodeText(text);
  // Of a pair that is cut in two, neither half is kept.
  const start = text.slice(0, keptLength).replace(/[\uD800-\uDBFF]$/, "");
  const digest = createHash("sha256").update(text, "utf16le").digest("base64url");
  return `${encodeText(start.toWellFormed())}${mark}${digest}`;
}

/**
 * The texts of a row that are not whole in their keys, as the column `whole_texts` has them; `null` where all of them
 * are, as nearly always.
 *
 * @param texts the texts by the names of their columns.
 */
export function wholeTexts(texts: Readonly<Record<string, string | undefined>>): string | null {
  const cut: [string, string][] = [];
  for (const column of Object.keys(texts)) {
    const text = texts[column];
    if (text !== undefined && isCut(text)) cut.push([column, text]);
  }
  return cut.length === 0 ? null : JSON.stringify(Object.fromEntries(cut));
}

/** A row that has keys of texts of any length. */
export interface KeyedRow {
  readonly whole_texts: string | null;
}

/** The text of which {@link encodeKey} made the key in a column of a row. */
export function decodeKey<C extends string>(
  row: KeyedRow & { readonly [K in C]: string },
  column: C,
): string {
  const key: string = row[column];
  if (!key.includes(mark)) return decodeText(key);
  const texts = decodeObject("whole_texts", row.whole_texts ?? "{}") as {
    readonly [column: string]: string;
  };
  return texts[column] ?? key;
}

/** Whether the key of a text does not hold all of it. */
function isCut(text: string): boolean {
  if (text.length > keyLength || !text.isWellFormed()) return true;
  return text.length * 2 > keyLength && encodeText(text).length > keyLength;
}
