import type { ResourceType } from "../scim/index.js";

/**
 * What is sent of a resource: without what is the service provider's own, and with the `schemas` that its attributes belong to. RFC
 * 7643 §3, RFC 7644 §3.3. A list without values is sent: of members it says that there are none.
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
