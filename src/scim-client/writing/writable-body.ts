import type { ResourceType } from "../../scim/index.js";

/**
 * What is sent of a resource: without what is the service provider's own, and with the `schemas` that its attributes
 * belong to. RFC 7643 §3, RFC 7644 §3.3. A list without values is sent: of members it says that there are none.
 */
export function writableBody(type: ResourceType, resource: object): Record<string, unknown> {
  const extensions = type.schemaExtensions.map(({ schema }) => schema.id);
  const attributes = Object.entries(resource).filter(
    ([name, value]: [string, unknown]) =>
      name !== "schemas" && value !== undefined && value !== null && !isReadOnly(type, name),
  );
  const used = extensions.filter((id) => attributes.some(([name]) => name === id));
  return { schemas: [type.schema.id, ...used], ...Object.fromEntries(attributes) };
}

function isReadOnly({ attributes }: ResourceType, name: string): boolean {
  const found = attributes.get(name.toLowerCase());
  return found?.extension === false && found.attribute.mutability === "readOnly";
}

/**
 * What replaces a resource: what the service provider returned of it, also what no schema here knows, with the values
 * at some slots changed. RFC 7644 §3.5.1.
 *
 * @param current The resource as it was read of that body.
 */
export function replacementBody(
  type: ResourceType,
  body: object,
  current: object,
  wanted: object,
  slots: readonly { readonly names: readonly string[] }[],
): Record<string, unknown> {
  const touched = new Set(slots.map(({ names }) => names[0]?.toLowerCase()));
  const extensions = new Map(
    type.schemaExtensions.map(({ schema }) => [schema.id.toLowerCase(), schema.id]),
  );
  const kept = Object.entries(body).filter(
    ([name, value]: [string, unknown]) =>
      !touched.has(name.toLowerCase()) &&
      !["schemas", "id", "meta"].includes(name.toLowerCase()) &&
      value !== null &&
      !isReadOnly(type, name),
  );
  // What the response says that is in no list of the type's is kept with it.
  const stated: unknown = Reflect.get(body, "schemas");
  const own = Object.entries(wanted).filter(
    ([name, value]: [string, unknown]) => touched.has(name.toLowerCase()) && value !== undefined,
  );
  const names = new Set([...kept, ...own].map(([name]) => name.toLowerCase()));
  const used = [...extensions].filter(([key]) => names.has(key)).map(([, id]) => id);
  const others = (Array.isArray(stated) ? stated : []).filter(
    (uri): uri is string =>
      typeof uri === "string" &&
      uri.toLowerCase() !== type.schema.id.toLowerCase() &&
      !extensions.has(uri.toLowerCase()),
  );
  const members: unknown = Reflect.get(current, "members");
  return {
    schemas: [type.schema.id, ...used, ...others],
    ...Object.fromEntries(kept),
    ...(members !== undefined && { members }),
    ...Object.fromEntries(own),
  };
}
