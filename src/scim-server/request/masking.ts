import type { ResourceType } from "../../scim/index.js";
import { queryParameterNames } from "../query/query-parameters.js";
import { isObject } from "../representation.js";

const mask = "[masked]";

/**
 * The parameters of a query for a log. One that names what is never returned is masked; so is each that is none of RFC 7644, as it may
 * be anything, such as a token (RFC 6750 §2.3).
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
  if (!isObject(value)) return value;
  // Whoever spells "path" twice is refused, and logged all the same.
  const isSecret = Object.entries(value).some(
    ([name, path]) =>
      name.toLowerCase() === "path" && typeof path === "string" && mentions(path, secrets),
  );
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const hides = isSecret ? name.toLowerCase() !== "op" : mentions(name, secrets);
      return [name, hides ? mask : masked(inner, secrets)];
    }),
  );
}

/** Some clients send JSON in a string, in which anything may stand, be it spelled with escapes. */
function hidesJson(text: string): boolean {
  return /^\s*\[|\{/.test(text);
}

/** The names of the attributes that are never returned, in lower case. */
function secretNames(types: readonly ResourceType[]): ReadonlySet<string> {
  return new Set(
    types.flatMap(({ attributes }) =>
      Array.from(attributes.values(), ({ attribute, subAttribute }) => subAttribute ?? attribute)
        .filter(({ returned }) => returned === "never")
        .map(({ name }) => name.toLowerCase()),
    ),
  );
}

/** Whether one of the names stands in a text, be it within a longer word. */
function mentions(text: string, names: ReadonlySet<string>): boolean {
  const lower = text.toLowerCase();
  return [...names].some((name) => lower.includes(name));
}
