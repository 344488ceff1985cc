import { InvalidValueError } from "../../core/index.js";
import {
  type Resource,
  type ResourceType,
  readResource,
  type ScimProfile,
} from "../../scim/index.js";
import { findAttribute, parseAttrPath } from "../../scim/internal.js";
import { isObject } from "../requests/read-response.js";

/** How often what is left is read again, at the most, when something in it could not be read. */
const mostReadings = 3;

/** The bodies of service providers, by what was read of them: a replacement keeps what no schema here knows. */
const bodies = new WeakMap<object, Readonly<Record<string, unknown>>>();

/** The body that a resource was read from. */
export function bodyOf(resource: object): Readonly<Record<string, unknown>> | undefined {
  return bodies.get(resource);
}

/** Whether a service provider returned something under a name that could not be read, so that it is unknown. */
export function isUnreadable(resource: object, name: string): boolean {
  if (Reflect.get(resource, name) !== undefined) return false;
  return Object.entries(bodies.get(resource) ?? {}).some(
    ([key, value]) =>
      key.toLowerCase() === name.toLowerCase() &&
      value !== null &&
      !(Array.isArray(value) && value.length === 0),
  );
}

/** Says that a copy of a resource was read from the same body. @returns the copy. */
export function keepBody<T extends object>(resource: object, copy: T): T {
  const body = bodies.get(resource);
  if (body !== undefined) bodies.set(copy, body);
  return copy;
}

/**
 * Reads a resource of a response. Where the profile says so, a value is ignored that cannot be read and need not be
 * there: one odd date must not hide all resources of a page. What is ignored is unknown.
 *
 * @throws {InvalidValueError} it is no such resource.
 */
export function readBody(
  type: ResourceType,
  body: unknown,
  partial: boolean,
  profile: ScimProfile,
): Resource {
  let readable = body;
  for (let reading = 1; ; reading++) {
    try {
      const options = { context: "response", profile } as const;
      const { resource } = partial
        ? readResource(type, readable, { ...options, partial })
        : readResource(type, readable, options);
      if (isObject(body)) bodies.set(resource, body);
      return resource as Resource;
    } catch (error) {
      if (!(error instanceof InvalidValueError) || reading === mostReadings) throw error;
      const rest = profile.rewrites.has("passOverUnreadable")
        ? withoutUnreadable(type, readable, error)
        : undefined;
      if (rest === undefined) throw error;
      readable = rest;
    }
  }
}

/** A body without what could not be read in it; `undefined` if that has to be there. */
function withoutUnreadable(type: ResourceType, body: unknown, error: InvalidValueError): unknown {
  if (!isObject(body)) return undefined;
  let rest = body;
  for (const { path } of [error, ...error.others]) {
    const places = placesOf(type, path);
    if (places === undefined) return undefined;
    rest = without(rest, places);
  }
  return rest;
}

/** The names that lead to a value that may be left out. Of several values, all of them are. */
function placesOf(type: ResourceType, path: string): readonly string[] | undefined {
  let found: ReturnType<typeof findAttribute>;
  try {
    found = findAttribute(type, parseAttrPath(path));
  } catch {
    return undefined;
  }
  if (found === undefined || found.attribute.required) return undefined;
  const { attribute, subAttribute, extension, schema } = found;
  const isPart = subAttribute !== undefined && !attribute.multiValued && !subAttribute.required;
  const names = isPart ? [attribute.name, subAttribute.name] : [attribute.name];
  return extension && schema !== undefined ? [schema.id, ...names] : names;
}

function without(
  holder: Readonly<Record<string, unknown>>,
  [name = "", ...inner]: readonly string[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(holder).flatMap(([key, value]): [string, unknown][] => {
      if (key.toLowerCase() !== name.toLowerCase()) return [[key, value]];
      return inner.length === 0 || !isObject(value) ? [] : [[key, without(value, inner)]];
    }),
  );
}
