import { InvalidValueError } from "../../core/index.js";

/** Names and values of a query, in their order. A name may be there several times, and either may be empty. */
export type QueryParameters = readonly (readonly [name: string, value: string])[];

/**
 * Writes parameters as the draft signs them: sorted by the bytes of their names, then of their values, and encoded as
 * `application/x-www-form-urlencoded` with everything escaped but letters, digits, `_`, `.` and `-`. `URLSearchParams`
 * sorts otherwise and leaves `*` as it is.
 *
 * @throws {InvalidValueError} half a surrogate pair, which has no bytes.
 */
export function canonicalQuery(parameters: QueryParameters): string {
  return [...parameters]
    .sort(compare)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
}

/** The longest query that is read, in characters. */
const maxQueryLength = 65_536;

/** A query that was received, taken apart. */
export interface SignedQuery {
  /** The parameters without the signature, in the order in which they were received. */
  readonly parameters: QueryParameters;
  /** The canonical text of the parameters, which is what is signed. */
  readonly message: string;
  readonly signature: string;
}

/**
 * Reads a query with one parameter `signature`, of which every parameter is encoded as {@link canonicalQuery} does;
 * only their order is free. Any other encoding is refused, so that no byte can be changed without changing what is
 * signed.
 *
 * @returns `undefined` where the text is none.
 */
export function parseSignedQuery(query: string): SignedQuery | undefined {
  if (query.length > maxQueryLength || !/^[A-Za-z0-9_.%+=&-]*$/.test(query)) return undefined;
  const parameters: [string, string][] = [];
  const texts = query.split("&");
  let signature: string | undefined;
  let isInOrder = true;
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals < 0 || text.includes("=", equals + 1)) return undefined;
    const name = decode(text.slice(0, equals));
    const value = decode(text.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    // Whatever comes after the signature is not in order either.
    if (signature !== undefined) isInOrder = false;
    if (name !== "signature") {
      const last = parameters.at(-1);
      const parameter: [string, string] = [name, value];
      if (last !== undefined && compare(last, parameter) > 0) isInOrder = false;
      parameters.push(parameter);
    } else if (signature === undefined) {
      signature = value;
    } else {
      return undefined;
    }
  }
  if (signature === undefined) return undefined;
  // What is in order, with the signature at its end, is canonical as it stands. The cut is wrong only where the
  // signature has escapes; hexadecimal digits have none, so that such a query is refused whatever is cut off.
  const length = query.length - "&signature=".length - signature.length;
  const message = isInOrder ? query.slice(0, Math.max(length, 0)) : canonicalQuery(parameters);
  return { parameters, message, signature };
}

type Parameter = QueryParameters[number];

function compare(one: Parameter, other: Parameter): number {
  return compareBytes(one[0], other[0]) || compareBytes(one[1], other[1]);
}

function encode(text: string): string {
  if (/^[A-Za-z0-9_.-]*$/.test(text)) return text;
  if (!text.isWellFormed()) {
    throw new InvalidValueError("parameters", "a text holds half a surrogate pair.");
  }
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replace(/[!~*'()]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What a text of characters that need no escape and of escapes stands for; `undefined` where it is not canonical. */
function decode(text: string): string | undefined {
  if (!text.includes("%")) return text.includes("+") ? text.replaceAll("+", " ") : text;
  if (superfluousEscape.test(text)) return undefined;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

/** An escape in lower case, or of a space, a letter, a digit, `-`, `.` or `_`, none of which is canonical. */
const superfluousEscape = /%(?:.?[a-f]|20|2[DE]|3\d|4[1-9A-F]|5[\dAF]|6[1-9A-F]|7[\dA])/;

/**
 * Compares texts by their bytes in UTF-8. In UTF-16, surrogate pairs come before U+E000 to U+FFFF, which they follow
 * there.
 */
function compareBytes(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const difference = rank(one.charCodeAt(at)) - rank(other.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** The place of a code unit in the order of UTF-8. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
