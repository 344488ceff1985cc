import { normalizeText } from "./matching.js";
import { attributeKey, attributeType, type Matching } from "./schema.js";

/** One attribute and value of a relative distinguished name. */
export interface Naming {
  readonly type: string;
  readonly value: Buffer;
}

/** A relative distinguished name: usually one attribute and value. */
export type Rdn = readonly Naming[];

/** Reads the string form of a DN (RFC 4514 §3), or returns nothing where it is none. */
export function parseDn(text: string): Rdn[] | undefined {
  const rdns: Rdn[] = [];
  if (text.trim() === "") return rdns;
  let rdn: Naming[] = [];
  let at = 0;
  for (;;) {
    const equals = text.indexOf("=", at);
    if (equals < 0) return undefined;
    const type = text.slice(at, equals).trim();
    if (!/^([a-z][\w-]*|\d+(\.\d+)*)$/i.test(type)) return undefined;
    const read = readValue(text, equals + 1);
    if (read === undefined) return undefined;
    rdn.push({ type, value: read.value });
    const separator = text[read.end];
    at = read.end + 1;
    if (separator === "+") continue;
    rdns.push(rdn);
    rdn = [];
    if (separator === undefined) return rdns;
  }
}

/** Reads an attribute value up to the next separator (RFC 4514 §3). */
function readValue(text: string, start: number): { value: Buffer; end: number } | undefined {
  let at = start;
  while (text[at] === " ") at++;
  const hex = /^#((?:[0-9a-f]{2})+) *(?=[,;+]|$)/i.exec(text.slice(at));
  if (hex) return { value: Buffer.from(hex[1] ?? "", "hex"), end: at + hex[0].length };
  const bytes: Buffer[] = [];
  // Spaces at the end count only when they are escaped.
  let kept = 0;
  for (; at < text.length; at++) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === "," || character === ";" || character === "+") break;
    if (character === '"' || character === "<" || character === ">" || character === "\0") {
      return undefined;
    }
    if (character === "\\") {
      const pair = /^[0-9a-f]{2}/i.exec(text.slice(at + 1, at + 3));
      if (pair) {
        bytes.push(Buffer.from(pair[0], "hex"));
        at += 2;
      } else {
        const escaped = text[at + 1];
        if (escaped === undefined || !' "#+,;<=>\\'.includes(escaped)) return undefined;
        bytes.push(Buffer.from(escaped));
        at += 1;
      }
      kept = bytes.length;
    } else {
      bytes.push(Buffer.from(character));
      at += character.length - 1;
      if (character !== " ") kept = bytes.length;
    }
  }
  return { value: Buffer.concat(bytes.slice(0, kept)), end: at };
}

/** Writes an attribute value in the string form of a DN (RFC 4514 §2.4), with OpenLDAP's choice of escapes. */
function escapeValue(value: string): string {
  return value.replace(/[\0"+,;<=>\\]|^[ #]| $/g, hexEscape);
}

function hexEscape(character: string): string {
  return `\\${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`;
}

/** Writes a relative distinguished name as it was given. */
export function printRdn(rdn: Rdn): string {
  return rdn.map(({ type, value }) => `${type}=${escapeValue(value.toString("utf8"))}`).join("+");
}

/** Writes a DN as it was given, without insignificant spaces. */
export function printDn(rdns: readonly Rdn[]): string {
  return rdns.map(printRdn).join(",");
}

/** A relative distinguished name in the form in which two of the same meaning are equal strings. */
export function normalizeRdn(rdn: Rdn): string {
  return rdn
    .map(({ type, value }) => {
      const key = attributeKey(type);
      const matching = attributeType(key)?.matching ?? "caseExact";
      // A DN as a value of a DN would recurse; no directory names entries so.
      const rule = matching === "dn" ? "caseIgnore" : matching;
      const normalized = normalizeText(rule, value) ?? value.toString("utf8");
      // Separators are written in hexadecimal, so that every comma and plus sign in the result separates.
      return `${key}=${normalized.replace(/[\\,+]/g, hexEscape)}`;
    })
    .sort()
    .join("+");
}

/** A DN in the form in which two of the same meaning are equal strings, or nothing where it is no DN. */
export function normalizeDn(text: string): string | undefined {
  return parseDn(text)?.map(normalizeRdn).join(",");
}

/** The normalised DN of the entry above, or nothing for the root. */
export function parentOf(normalizedDn: string): string | undefined {
  if (normalizedDn === "") return undefined;
  const comma = normalizedDn.indexOf(",");
  return comma < 0 ? "" : normalizedDn.slice(comma + 1);
}

/** Whether a normalised DN is `base` or below it. */
export function isWithin(normalizedDn: string, base: string): boolean {
  return base === "" || normalizedDn === base || normalizedDn.endsWith(`,${base}`);
}

/** A string that is equal for two values exactly when they match, or nothing where the value is not of the syntax. */
export function normalizeValue(matching: Matching, value: Buffer): string | undefined {
  return matching === "dn" ? normalizeDn(value.toString("utf8")) : normalizeText(matching, value);
}
