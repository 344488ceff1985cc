import { isUtf8 } from "node:buffer";
import { compatibilityForm, InvalidValueError } from "../../core/index.js";
import { canonicalAttributeType, caseExactTypes } from "./dn-attribute-types.js";

/** One attribute and its value, a part of a relative distinguished name (RFC 4514 §2.3). */
export interface AttributeTypeAndValue {
  /** The attribute type in lower case, by its short name where it is a common one. */
  readonly type: string;
  /**
   * The value with its escapes resolved, in the case it was written in; or `#` and the hex form of its BER encoding.
   */
  readonly value: string;
  /** Whether the value was given as BER in hex (RFC 4514 §2.4). */
  readonly encoded: boolean;
}

/** A relative distinguished name: one attribute and value, rarely several (RFC 4514 §2.2). */
export type Rdn = readonly AttributeTypeAndValue[];

const comma = 0x2c;
const plus = 0x2b;
const equals = 0x3d;
const backslash = 0x5c;
const space = 0x20;
const sharp = 0x23;
const underscore = 0x5f;

/** Longer names are refused: the longest that directories accept are far shorter. */
const maxDnLength = 32_768;

/**
 * Reads a distinguished name (RFC 4514 §3), the entry's own part first. The empty name has no parts. Spaces around
 * `,`, `+` and `=` are allowed, as LDAPv2 had them.
 *
 * @throws {InvalidValueError} if the text is not a distinguished name.
 */
export function parseDn(dn: string): readonly Rdn[] {
  if (dn.length > maxDnLength) throw invalidDn(`is longer than ${maxDnLength} characters`);
  const rdns: Rdn[] = [];
  if (dn.trim() === "") return rdns;
  let rdn: AttributeTypeAndValue[] = [];
  let start = 0;
  for (;;) {
    const separator = findSeparator(dn, start);
    rdn.push(parsePart(dn.slice(start, separator)));
    if (dn.charCodeAt(separator) !== plus) {
      rdns.push(rdn);
      rdn = [];
    }
    if (separator === dn.length) return rdns;
    start = separator + 1;
  }
}

/**
 * The form of a distinguished name in which two names of one entry are equal strings.
 *
 * Attribute types are written in lower case and by their short names; values in lower case, but for those of Kerberos
 * principals, which are distinguished by case, and in Unicode's compatibility form NFKC, with single spaces inside and
 * none around; the parts of a multi-valued RDN in order; escapes in one way. Other attributes whose values differ by
 * case alone are not known to be such.
 *
 * The case of each character is folded by itself, as servers do it. More thorough folding (`ß` to `ss`, as RFC 4518
 * has it) would make one name of two that the server keeps apart, and give one person the groups of another.
 *
 * @throws {InvalidValueError} if the text is not a distinguished name.
 */
export function normalizeDn(dn: string): string {
  const parts: string[] = [];
  for (const rdn of parseDn(dn)) {
    const [first] = rdn;
    const single = rdn.length === 1 && first !== undefined;
    parts.push(single ? normalizePart(first) : rdn.map(normalizePart).sort().join("+"));
  }
  return parts.join(",");
}

/** The form in which two values are equal strings if a server that ignores case takes them for equal (RFC 4518 §2). */
export function normalizeValue(value: string): string {
  return isPlain(value, 0, value.length) ? value.toLowerCase() : foldText(value);
}

/** The most parents that a {@link DnNormalizer} remembers before it starts anew. */
const maxParents = 4_096;

/**
 * Normalises many names of one directory. Nearly all of them share a few parents, so the part behind the first comma
 * is looked up, and a plain first part is copied: no list of parts is made.
 */
export class DnNormalizer {
  readonly #parents = new Map<string, string>();

  /** The same as {@link normalizeDn}. */
  normalize(dn: string): string {
    const end = plainRdnEnd(dn);
    if (end < 0) return normalizeDn(dn);
    const equalsAt = dn.indexOf("=");
    const type = canonicalAttributeType(dn.slice(0, equalsAt));
    const value = dn.slice(equalsAt + 1, end);
    const rdn = `${type}=${caseExactTypes.has(type) ? value : value.toLowerCase()}`;
    return end === dn.length ? rdn : `${rdn},${this.#normalizeParent(dn.slice(end + 1))}`;
  }

  #normalizeParent(dn: string): string {
    const known = this.#parents.get(dn);
    if (known !== undefined) return known;
    const parent = normalizeDn(dn);
    if (parent === "") throw invalidDn("ends with a comma");
    // Bounded, since names come from outside. A directory with more containers than this pays a little now and then.
    if (this.#parents.size >= maxParents) this.#parents.clear();
    this.#parents.set(dn, parent);
    return parent;
  }
}

/** Where the first RDN ends, if it is one attribute and a value of plain characters; else -1. */
function plainRdnEnd(dn: string): number {
  const equalsAt = dn.indexOf("=");
  if (equalsAt <= 0 || dn.length > maxDnLength) return -1;
  for (let i = 0; i < equalsAt; i++) {
    if (!isTypeCharacter(dn.charCodeAt(i))) return -1;
  }
  // A type begins with a letter; the numeric form is left to the parser, which checks it.
  if (dn.charCodeAt(0) < 0x41 || dn.charCodeAt(0) === underscore) return -1;
  const commaAt = dn.indexOf(",", equalsAt);
  const end = commaAt < 0 ? dn.length : commaAt;
  return isPlain(dn, equalsAt + 1, end) ? end : -1;
}

/** Whether a value stays as it is, but for its case: ASCII, nothing escaped, nothing to escape, no spaces to fold. */
function isPlain(text: string, start: number, end: number): boolean {
  if (start === end || text.charCodeAt(start) === sharp) return false;
  let previous = space;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code < space || code > 0x7e || isSpecial(code)) return false;
    if (code === space && previous === space) return false;
    previous = code;
  }
  return previous !== space;
}

/** The characters that are escaped wherever they stand in a value (RFC 4514 §2.4). */
function isSpecial(code: number): boolean {
  switch (code) {
    case 0x22: // "
    case plus:
    case comma:
    case 0x3b: // ;
    case 0x3c: // <
    case 0x3e: // >
    case backslash:
      return true;
    default:
      return false;
  }
}

function isTypeCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === underscore
  );
}

/** The position of the next `,` or `+` that is not escaped; the length of the text if there is none. */
function findSeparator(dn: string, start: number): number {
  for (let i = start; i < dn.length; i++) {
    const code = dn.charCodeAt(i);
    if (code === backslash) i += 1;
    else if (code === comma || code === plus) return i;
  }
  return dn.length;
}

/** `attributeType` of RFC 4514 §3. The underscore is not in the grammar, but in the schemas of several servers. */
const typePattern = /^(?:oid\.)?(?:[a-z][\w-]*|\d+(?:\.\d+)+)$/i;

function parsePart(part: string): AttributeTypeAndValue {
  const equalsAt = part.indexOf("=");
  if (equalsAt < 0) throw invalidDn('has a part without "="');
  const written = part.slice(0, equalsAt).trim();
  if (!typePattern.test(written)) throw invalidDn("has a part whose attribute type is none");
  const type = canonicalAttributeType(written);
  const value = trimValue(part.slice(equalsAt + 1));
  if (value.startsWith("#")) {
    if (!/^#(?:[\da-f]{2})+$/i.test(value))
      throw invalidDn('has a value with "#" but no hex digits');
    return { type, value: value.toLowerCase(), encoded: true };
  }
  return { type, value: resolvePairs(value), encoded: false };
}

/** Without the spaces around a value; an escaped one at its end belongs to it. */
function trimValue(text: string): string {
  let start = 0;
  while (text.charCodeAt(start) === space) start += 1;
  let end = text.length;
  while (end > start && text.charCodeAt(end - 1) === space) end -= 1;
  let backslashes = 0;
  while (end - backslashes > start && text.charCodeAt(end - backslashes - 1) === backslash) {
    backslashes += 1;
  }
  return text.slice(start, backslashes % 2 === 1 && end < text.length ? end + 1 : end);
}

/** Resolves the pairs of a value (RFC 4514 §3). Hex pairs are octets of UTF-8: they are gathered before being read. */
function resolvePairs(value: string): string {
  let text = "";
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code !== backslash) {
      if (isSpecial(code)) throw invalidDn("has a special character that is not escaped");
      if (code === 0) throw invalidDn("has a NUL that is not escaped");
      text += value[i];
      continue;
    }
    const octets: number[] = [];
    let at = i;
    for (let octet = hexPair(value, at); octet >= 0; octet = hexPair(value, at)) {
      octets.push(octet);
      at += 3;
    }
    if (octets.length > 0) {
      const bytes = Buffer.from(octets);
      if (!isUtf8(bytes)) throw invalidDn("has a value that is not UTF-8");
      text += bytes.toString("utf8");
      i = at - 1;
      continue;
    }
    const escaped = value.charCodeAt(i + 1);
    if (!isSpecial(escaped) && escaped !== space && escaped !== sharp && escaped !== equals) {
      throw invalidDn("has a backslash before a character that cannot be escaped");
    }
    text += value[i + 1];
    i += 1;
  }
  return text;
}

/** The octet that the pair at this position stands for; -1 if there is none. */
function hexPair(value: string, at: number): number {
  if (value.charCodeAt(at) !== backslash) return -1;
  const digits = value.slice(at + 1, at + 3);
  return /^[\da-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : -1;
}

function normalizePart({ type, value, encoded }: AttributeTypeAndValue): string {
  if (encoded) return `${type}=${value}`;
  const folded = caseExactTypes.has(type)
    ? foldSpaces(compatibilityForm(value))
    : normalizeValue(value);
  return `${type}=${escapeValue(folded)}`;
}

function foldText(value: string): string {
  let folded = "";
  // Character by character, since String.toLowerCase() looks at the neighbours of a Greek sigma.
  for (const character of compatibilityForm(value)) folded += character.toLowerCase();
  return foldSpaces(compatibilityForm(folded));
}

function foldSpaces(text: string): string {
  const spaced = text.replace(/\s+/gu, " ");
  // A value of nothing but spaces is one space, not nothing (RFC 4518 §2.6.1).
  return spaced === " " ? spaced : spaced.trim();
}

function escapeValue(value: string): string {
  let text = "";
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0) text += "\\00";
    else if (isSpecial(code) || (i === 0 && code === sharp)) text += `\\${value[i]}`;
    else text += value[i];
  }
  return text === " " ? "\\20" : text;
}

function invalidDn(problem: string): InvalidValueError {
  return new InvalidValueError("dn", `the distinguished name ${problem}.`);
}
