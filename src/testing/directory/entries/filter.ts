import { isUtf8 } from "node:buffer";
import { BerWriter, FilterParser } from "ldapts";
import { BerError, type Element, elements, Fields, tags, toBoolean } from "../ber.js";
import { DirectoryError, ResultCode } from "../errors.js";
import { isWithin, normalizeValue, parseDn } from "./dn.js";
import type { AttributeValues, Entry } from "./entry.js";
import { compareValues } from "./matching.js";
import { attributeKey, attributeType, isOfClass, isPassword, type Matching } from "./schema.js";

/** A search filter. RFC 4511 §4.5.1.7 */
export type Filter =
  | { readonly kind: "and" | "or"; readonly filters: readonly Filter[] }
  | { readonly kind: "not"; readonly filter: Filter }
  | { readonly kind: "present"; readonly type: string }
  | {
      readonly kind: "equal" | "approx" | "atLeast" | "atMost";
      readonly type: string;
      readonly value: Buffer;
    }
  | {
      readonly kind: "substrings";
      readonly type: string;
      readonly initial?: Buffer;
      readonly any: readonly Buffer[];
      readonly final?: Buffer;
    }
  | {
      readonly kind: "extensible";
      readonly rule?: string;
      readonly type?: string;
      readonly value: Buffer;
      readonly dnAttributes: boolean;
    }
  /** What a client may not ask. */
  | { readonly kind: "undefined" };

const deepest = 100;

/** Reads a filter from its encoding. */
export function readFilter(element: Element, depth: number = 0): Filter {
  if (depth > deepest) throw new BerError("The filter is nested too deeply.");
  const { tag, content } = element;
  switch (tag) {
    case 0xa0:
    case 0xa1:
      return {
        kind: tag === 0xa0 ? "and" : "or",
        filters: elements(content).map((inner) => readFilter(inner, depth + 1)),
      };
    case 0xa2:
      return { kind: "not", filter: readFilter(new Fields(content).any(), depth + 1) };
    case 0xa3:
      return readAssertion("equal", content);
    case 0xa4:
      return readSubstrings(content);
    case 0xa5:
      return readAssertion("atLeast", content);
    case 0xa6:
      return readAssertion("atMost", content);
    case 0x87:
      return { kind: "present", type: content.toString() };
    case 0xa8:
      return readAssertion("approx", content);
    case 0xa9:
      return readExtensible(content);
    default:
      throw new BerError(`There is no filter with the tag ${tag}.`);
  }
}

function readAssertion(kind: "equal" | "approx" | "atLeast" | "atMost", content: Buffer): Filter {
  const fields = new Fields(content);
  return { kind, type: fields.take(tags.octets).toString(), value: fields.take(tags.octets) };
}

function readSubstrings(content: Buffer): Filter {
  const fields = new Fields(content);
  const type = fields.take(tags.octets).toString();
  const parts = elements(fields.take(tags.sequence));
  if (parts.length === 0) throw new BerError("A substring filter without substrings.");
  const any = parts.filter((part) => part.tag === 0x81).map((part) => part.content);
  const initial = parts.find((part) => part.tag === 0x80)?.content;
  const final = parts.find((part) => part.tag === 0x82)?.content;
  return {
    kind: "substrings",
    type,
    any,
    ...(initial ? { initial } : {}),
    ...(final ? { final } : {}),
  };
}

function readExtensible(content: Buffer): Filter {
  const fields = new Fields(content);
  const rule = fields.optional(0x81)?.toString();
  const type = fields.optional(0x82)?.toString();
  const value = fields.take(0x83);
  const dnAttributes = fields.optional(0x84);
  return {
    kind: "extensible",
    value,
    dnAttributes: dnAttributes !== undefined && toBoolean(dnAttributes),
    ...(rule === undefined ? {} : { rule }),
    ...(type === undefined ? {} : { type }),
  };
}

/**
 * Reads the string form of a filter (RFC 4515).
 *
 * @throws {DirectoryError} protocolError where the text is no filter.
 */
export function parseFilter(text: string): Filter {
  const writer = new BerWriter();
  try {
    FilterParser.parseString(joinOctets(text)).write(writer);
  } catch (cause) {
    throw new DirectoryError(ResultCode.protocolError, `"${text}" is not a filter: ${cause}`);
  }
  const [element] = elements(writer.buffer);
  if (element === undefined) throw new BerError("An empty filter.");
  return readFilter(element);
}

/** Writes escaped octets that make up a character as that: the parser takes each for a character of its own. */
function joinOctets(text: string): string {
  return text.replace(/(?:\\[89a-f][\da-f])+/gi, (escapes) => {
    const octets = Buffer.from(escapes.replaceAll("\\", ""), "hex");
    if (isUtf8(octets)) return octets.toString();
    throw new DirectoryError(ResultCode.protocolError, `"${escapes}" is not a text in UTF-8.`);
  });
}

/** The filter without the parts that ask for passwords, which only the administrator may: those are undefined. */
export function withoutPasswords(filter: Filter): Filter {
  switch (filter.kind) {
    case "and":
    case "or":
      return { ...filter, filters: filter.filters.map(withoutPasswords) };
    case "not":
      return { ...filter, filter: withoutPasswords(filter.filter) };
    case "undefined":
      return filter;
    default:
      // A matching rule without an attribute asks for all.
      return filter.type === undefined || isPassword(filter.type) ? { kind: "undefined" } : filter;
  }
}

/**
 * Whether an entry matches: true, false, or undefined where the directory cannot say (RFC 4511 §4.5.1.7). Only true
 * selects an entry, and `(!(…))` of what is undefined is undefined too.
 *
 * @param isKnown - whether the directory knows an attribute; an assertion on one it does not know is undefined.
 */
export function evaluate(
  filter: Filter,
  entry: Entry,
  isKnown: (key: string) => boolean,
): boolean | undefined {
  switch (filter.kind) {
    case "and":
      return combine(filter.filters, false, entry, isKnown);
    case "or":
      return combine(filter.filters, true, entry, isKnown);
    case "not": {
      const result = evaluate(filter.filter, entry, isKnown);
      return result === undefined ? undefined : !result;
    }
    case "extensible":
      return matchExtensible(filter, entry, isKnown);
    case "undefined":
      return undefined;
  }
  const key = attributeKey(filter.type);
  if (!isKnown(key)) return undefined;
  switch (filter.kind) {
    case "present":
      return !entry.find(key).next().done;
    case "equal":
    case "approx":
      return matchEqual(key, filter.value, entry.find(key));
    case "atLeast":
      return matchOrder(key, filter.value, entry.find(key), (order) => order >= 0);
    case "atMost":
      return matchOrder(key, filter.value, entry.find(key), (order) => order <= 0);
    case "substrings":
      return matchSubstrings(key, filter, entry.find(key));
  }
}

/** And (`decisive` false) and or (`decisive` true): one decisive part decides, else one undefined part does. */
function combine(
  filters: readonly Filter[],
  decisive: boolean,
  entry: Entry,
  isKnown: (key: string) => boolean,
): boolean | undefined {
  let result: boolean | undefined = !decisive;
  for (const part of filters) {
    const value = evaluate(part, entry, isKnown);
    if (value === decisive) return decisive;
    if (value === undefined) result = undefined;
  }
  return result;
}

function matchingOf(key: string): Matching {
  return attributeType(key)?.matching ?? "caseExact";
}

function matchEqual(
  key: string,
  value: Buffer,
  attributes: Iterable<AttributeValues>,
): boolean | undefined {
  const matching = matchingOf(key);
  const asserted = normalizeValue(matching, value);
  if (asserted === undefined) return undefined;
  for (const attribute of attributes) {
    if (matching === "objectClass") {
      for (const held of attribute.keys) if (isOfClass(held, asserted)) return true;
    } else if (attribute.keys.has(asserted)) {
      return true;
    }
  }
  return false;
}

function matchOrder(
  key: string,
  value: Buffer,
  attributes: Iterable<AttributeValues>,
  holds: (order: number) => boolean,
): boolean | undefined {
  const matching = matchingOf(key);
  const asserted = normalizeValue(matching, value);
  if (asserted === undefined || compareValues(matching, asserted, asserted) === undefined) {
    return undefined;
  }
  for (const attribute of attributes) {
    for (const held of attribute.keys) {
      if (holds(compareValues(matching, held, asserted) ?? Number.NaN)) return true;
    }
  }
  return false;
}

function matchSubstrings(
  key: string,
  filter: Extract<Filter, { kind: "substrings" }>,
  attributes: Iterable<AttributeValues>,
): boolean | undefined {
  const matching = matchingOf(key);
  if (matching !== "caseIgnore" && matching !== "caseExact") return undefined;
  // Spaces at the ends of a part are significant, since the part is one of the middle (RFC 4518 §2.6.1).
  const fold = (part: Buffer) => {
    const text = part.toString("utf8").replace(/ {2,}/g, " ");
    return matching === "caseIgnore" ? text.toLowerCase() : text;
  };
  const initial = filter.initial && fold(filter.initial).trimStart();
  const final = filter.final && fold(filter.final).trimEnd();
  const any = filter.any.map(fold);
  for (const attribute of attributes) {
    for (const held of attribute.keys) {
      let at = 0;
      if (initial !== undefined) {
        if (!held.startsWith(initial)) continue;
        at = initial.length;
      }
      for (const part of any) {
        const found = held.indexOf(part, at);
        at = found < 0 ? Number.POSITIVE_INFINITY : found + part.length;
      }
      const end = held.length - (final?.length ?? 0);
      if (at <= end && (final === undefined || held.endsWith(final))) return true;
    }
  }
  return false;
}

/**
 * The matching rules that can be named, by name and object identifier: some of RFC 4517 §4.2, and OpenLDAP's rule for a
 * name that is another or below it. Others are undefined.
 */
const rules: ReadonlyMap<string, Matching | "dnSubtree"> = new Map([
  ["caseignorematch", "caseIgnore"],
  ["2.5.13.2", "caseIgnore"],
  ["caseexactmatch", "caseExact"],
  ["2.5.13.5", "caseExact"],
  ["distinguishednamematch", "dn"],
  ["2.5.13.1", "dn"],
  ["integermatch", "integer"],
  ["2.5.13.14", "integer"],
  ["dnsubtreematch", "dnSubtree"],
  ["1.3.6.1.4.1.4203.666.4.9", "dnSubtree"],
]);

function matchExtensible(
  filter: Extract<Filter, { kind: "extensible" }>,
  entry: Entry,
  isKnown: (key: string) => boolean,
): boolean | undefined {
  const key = filter.type === undefined ? undefined : attributeKey(filter.type);
  if (key !== undefined && !isKnown(key)) return undefined;
  const rule =
    filter.rule !== undefined
      ? rules.get(filter.rule.toLowerCase())
      : key !== undefined
        ? matchingOf(key)
        : undefined;
  if (rule === undefined || rule === "objectClass") return undefined;
  const matching = rule === "dnSubtree" ? "dn" : rule;
  const asserted = normalizeValue(matching, filter.value);
  if (asserted === undefined) return undefined;
  const matches = (value: Buffer) => {
    const held = normalizeValue(matching, value);
    if (rule !== "dnSubtree") return held === asserted;
    return held !== undefined && isWithin(held, asserted);
  };
  for (const attribute of key === undefined ? entry.all() : entry.find(key)) {
    if (attribute.values.some(matches)) return true;
  }
  if (!filter.dnAttributes) return false;
  const namings = parseDn(entry.dn)?.flat() ?? [];
  return namings.some(
    ({ type, value }) => (key === undefined || attributeKey(type) === key) && matches(value),
  );
}
