import type { ResourceType, ScimType } from "../../scim/index.js";
import { isJsonObject } from "../../scim/internal.js";
import { queryParameterNames } from "./parameters.js";

const mask = "[masked]";

/**
 * The parameters of a query for a log. One that names what is never returned is masked; so is each that is none of RFC
 * 7644, as it may be anything, such as a token (RFC 6750 §2.3).
 */
export function maskedQuery(
  search: URLSearchParams,
  types: readonly ResourceType[],
): { readonly query?: Readonly<Record<string, string>> } {
  if (search.size === 0) return {};
  const secrets = secretNames(types);
  const parameters = [...search].map(
    ([name, value]) => [name, isKnown(name) && !mentions(value, secrets) ? value : mask] as const,
  );
  return { query: Object.fromEntries(parameters) };
}

function isKnown(parameter: string): boolean {
  return queryParameterNames.some((name) => name === parameter);
}

/** A body for a log, with what is never returned masked, wherever it stands and however it is spelled. */
export function maskedBody(
  body: unknown,
  types: readonly ResourceType[],
): { readonly body?: unknown } {
  return body === undefined ? {} : { body: masked(body, secretNames(types)) };
}

function masked(value: unknown, secrets: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((element) => masked(element, secrets));
  if (typeof value === "string") {
    return hidesJson(value) || mentions(value, secrets) ? mask : value;
  }
  if (!isJsonObject(value)) return value;
  const isSecret = !Object.hasOwn(value, "schemas") && Object.entries(value).some(names(secrets));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const hides = isSecret ? !isOperation(name, inner) : mentions(name, secrets);
      return [name, hides ? mask : masked(inner, secrets)];
    }),
  );
}

/**
 * Whether a part of an object says of which attribute the rest is, and names a secret: a `path`, be it spelled twice,
 * wrongly, or no text at all, which is refused and logged all the same; or a `type`, or whatever a client takes for a
 * path.
 */
function names(secrets: ReadonlySet<string>): (entry: readonly [string, unknown]) => boolean {
  return ([name, part]) => {
    // That is the rest, and masked by itself.
    if (name.toLowerCase() === "value") return false;
    const texts: readonly unknown[] = Array.isArray(part) ? part : [part];
    const isNamed = texts.some((text) => typeof text === "string" && mentions(text, secrets));
    return isNamed || (/path/i.test(name) && mentions(JSON.stringify(part), secrets));
  };
}

/** What says of an operation that it is one, and nothing else. */
function isOperation(name: string, value: unknown): boolean {
  return name.toLowerCase() === "op" && /^(add|replace|remove)$/i.test(String(value));
}

/** Some clients send JSON in a string, in which anything may stand, be it spelled with escapes. */
function hidesJson(text: string): boolean {
  return /^\s*["[]|\{|\\u/.test(text);
}

/** The names of the attributes that are never returned, in lower case. */
function secretNames(types: readonly ResourceType[]): ReadonlySet<string> {
  return new Set(
    types.flatMap(({ attributes }) =>
      Array.from(attributes.values(), ({ attribute, subAttribute }) => subAttribute ?? attribute)
        .filter(({ returned }) => returned === "never")
        .map(({ name }) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "")),
    ),
  );
}

/**
 * Whether one of the names stands in a text, be it within a longer word, or with signs and spaces in it that may be
 * invisible.
 */
function mentions(text: string, secrets: ReadonlySet<string>): boolean {
  const letters = text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return [...secrets].some((name) => letters.includes(name));
}

/**
 * What went wrong, for a log: an error in a filter or a path quotes a little of it, which may be what is masked in the
 * query and in the body.
 */
export function maskedDetail(
  { detail, scimType }: { readonly detail: string; readonly scimType?: ScimType },
  logged: { readonly query?: unknown; readonly body?: unknown },
): { readonly detail: string } {
  const quotes = scimType === "invalidFilter" || scimType === "invalidPath";
  return { detail: quotes && JSON.stringify(logged).includes(mask) ? mask : detail };
}
