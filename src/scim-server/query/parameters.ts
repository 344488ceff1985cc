import { InvalidValueError } from "../../core/index.js";
import {
  InvalidSyntaxError,
  type RewriteName,
  type SearchRequest,
  searchRequestId,
} from "../../scim/index.js";
import type { RequestContext } from "../context.js";
import { byName, isOfSchema } from "../request/body.js";
import { ScimRequestError } from "../request/error.js";

/**
 * What a client asks for in a query, in the address or in the body of a POST. RFC 7644 §3.4.2 and §3.4.3, RFC 9865 §2.
 */
export type QueryParameters = Omit<SearchRequest, "schemas">;

/**
 * The parameters in an address. What is not known is ignored (RFC 7644 §3.4.2); but not what was meant to be one of
 * these, since a filter that is ignored would return all resources.
 *
 * @throws {InvalidValueError} one is spelled in another way, is there twice, or is wrong.
 */
export function parametersOfUrl(search: URLSearchParams): QueryParameters {
  assertPlain(search);
  const texts = ["filter", "sortBy", "sortOrder", "cursor"] as const;
  const found: Record<string, unknown> = {};
  for (const name of texts) if (search.has(name)) found[name] = search.get(name);
  for (const name of numbers) {
    const text = search.get(name);
    if (text !== null) found[name] = wholeNumber.test(text) ? Number(text) : text;
  }
  for (const name of lists) {
    const names = search.getAll(name).flatMap(namesIn);
    if (names.length > 0) found[name] = names;
  }
  return checked(found);
}

/**
 * The parameters in an address of what is no query: of one resource, or where one is created. A filter would choose
 * nothing there, and who sends one must not think that it did.
 *
 * @throws {ScimRequestError} 400: there is a filter.
 */
export function parametersOfOne(search: URLSearchParams): QueryParameters {
  const parameters = parametersOfUrl(search);
  if (parameters.filter !== undefined) {
    throw new ScimRequestError(400, "Only a query has a filter.", { scimType: "invalidFilter" });
  }
  return parameters;
}

/**
 * Nothing of a query in the address of a POST to `/.search`, which has all of it in its body.
 *
 * @throws {InvalidValueError} there is a parameter of a query.
 */
export function assertNoParameters(search: URLSearchParams): void {
  for (const name of search.keys()) {
    const meant = meantBy(name);
    if (meant !== undefined) throw new InvalidValueError(meant, "it belongs into the body.");
  }
}

/**
 * The parameters in the body of a POST to `/.search`. Names are read in any case; numbers and lists in texts where the
 * profile has it.
 *
 * @throws {InvalidSyntaxError} it is no SearchRequest.
 */
export function parametersOfBody(
  body: unknown,
  { profile, record }: Pick<RequestContext, "profile" | "record">,
): QueryParameters {
  const byKey = byName(body, "A SearchRequest is a JSON object.");
  for (const key of byKey.keys()) {
    const meant = meantBy(key);
    if (meant !== undefined && meant.toLowerCase() !== key) {
      throw new InvalidSyntaxError(`"${meant}" is spelled in this way.`);
    }
  }
  if (!isOfSchema(byKey, searchRequestId)) {
    throw new InvalidSyntaxError(`The "schemas" of a SearchRequest have "${searchRequestId}".`);
  }
  const found: Record<string, unknown> = {};
  for (const name of queryParameterNames) {
    const value = byKey.get(name.toLowerCase()) ?? undefined;
    // An empty list is no value (RFC 7643 §2.5).
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const rewritten = typeof value === "string" ? ofText(name, value) : undefined;
    if (rewritten === undefined || !profile.rewrites.has(rewritten.rewrite)) {
      found[name] = value;
      continue;
    }
    record.rewrites.push({ rewrite: rewritten.rewrite, path: name });
    found[name] = rewritten.value;
  }
  return checked(found);
}

/** What a text stands for where something else is wanted. */
function ofText(
  name: string,
  text: string,
): { readonly rewrite: RewriteName; readonly value: unknown } | undefined {
  if (lists.some((list) => list === name)) return { rewrite: "listText", value: namesIn(text) };
  const isNumber = numbers.some((number) => number === name) && wholeNumber.test(text);
  return isNumber ? { rewrite: "numberText", value: Number(text) } : undefined;
}

function namesIn(text: string): readonly string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** The names of the parameters. RFC 7644 §3.4.3, RFC 9865 §2. */
export const queryParameterNames = [
  "attributes",
  "excludedAttributes",
  "filter",
  "sortBy",
  "sortOrder",
  "startIndex",
  "count",
  "cursor",
] as const;

const numbers = ["startIndex", "count"] as const;
const wholeNumber = /^-?\d{1,15}$/;

/** These may be stated in parts: each adds names to the list. */
const lists = ["attributes", "excludedAttributes"] as const;

const namesInAnyCase: ReadonlyMap<string, string> = new Map(
  queryParameterNames.map((name) => [name.toLowerCase(), name]),
);

/**
 * Which of the names is meant by one: in another case, with other signs as other protocols have it (`$filter`,
 * `filter[]`, `sort_by`).
 */
export function meantBy(name: string): string | undefined {
  return name.length > 40
    ? undefined
    : namesInAnyCase.get(name.replaceAll(/[^a-z]/gi, "").toLowerCase());
}

function assertPlain(search: URLSearchParams): void {
  const seen = new Set<string>();
  for (const name of search.keys()) {
    const meant = meantBy(name);
    if (meant === undefined) continue;
    if (name !== meant) throw new InvalidValueError(meant, "it is spelled in this way.");
    if (seen.has(name) && !lists.some((list) => list === name)) {
      throw new InvalidValueError(name, "it is there twice.");
    }
    seen.add(name);
  }
}

function checked(found: Readonly<Record<string, unknown>>): QueryParameters {
  const { attributes, excludedAttributes, filter, sortBy, sortOrder, cursor } = found;
  const { startIndex, count } = found;
  if (attributes !== undefined && excludedAttributes !== undefined) {
    throw new InvalidValueError(
      "excludedAttributes",
      "attributes and excludedAttributes exclude each other (RFC 7644 §3.9).",
    );
  }
  if (cursor !== undefined && startIndex !== undefined) {
    throw new InvalidValueError("cursor", "a page is asked for by index or by cursor.");
  }
  return {
    ...optional("attributes", attributes, isList, "it is a list of names."),
    ...optional("excludedAttributes", excludedAttributes, isList, "it is a list of names."),
    ...optional("filter", filter, isText, "it is a text."),
    ...optional("sortBy", sortBy, isText, "it is the path of an attribute."),
    ...optional("sortOrder", sortOrder, isOrder, 'it is "ascending" or "descending".'),
    ...optional("cursor", cursor, isText, "it is a text."),
    ...optional("startIndex", startIndex, isWhole, "it is a whole number."),
    ...countIn(count),
  };
}

function optional<N extends string, V>(
  name: N,
  value: unknown,
  isRight: (value: unknown) => value is V,
  reason: string,
): { readonly [name in N]?: V } {
  if (value === undefined) return {};
  if (!isRight(value)) throw new InvalidValueError(name, reason);
  return { [name]: value } as { readonly [name in N]?: V };
}

/** A negative count is 0 (RFC 7644 §3.4.2.4). */
function countIn(count: unknown): { readonly count?: number } {
  if (count === undefined) return {};
  if (!isWhole(count)) {
    throw new ScimRequestError(400, '"count" is a whole number.', { scimType: "invalidCount" });
  }
  return { count: Math.max(count, 0) };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isOrder(value: unknown): value is "ascending" | "descending" {
  return value === "ascending" || value === "descending";
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= 1_000 && value.every(isText);
}
