import type { ResourceType, Schema } from "../../scim/index.js";
import {
  type AttributeDocument,
  type SchemaDocument,
  schemaDocument,
} from "../../scim/internal.js";
import type { Endpoint, Exchange } from "../context.js";
import { tellsGroups } from "../references/user-groups.js";

/**
 * A schema as it is for the principal and the store, so that what it says is what happens: what the principal may not write is readOnly,
 * what the store does not keep is not there, and a user's groups are returned as they are.
 */
export function servedSchema(
  exchange: Exchange,
  endpoint: Endpoint,
  schema: Schema,
): SchemaDocument {
  const document = schemaDocument(schema);
  const { type } = endpoint;
  const prefix = schema.id === type.schema.id ? "" : `${schema.id}:`;
  const attributes = document.attributes.flatMap((attribute) =>
    served(exchange, endpoint, `${prefix}${attribute.name}`, attribute),
  );
  return { ...document, attributes };
}

function served(
  exchange: Exchange,
  { type, repository }: Endpoint,
  path: string,
  attribute: AttributeDocument,
): readonly AttributeDocument[] {
  if (attribute.mutability === "readOnly") return withGroups(exchange, type, attribute);
  const { capabilities } = repository;
  const mayWrite = exchange.mayWrite(path, type);
  if (attribute.returned === "never") {
    // What can neither be read nor written is nothing to the principal.
    const isTaken = path !== "password" || (capabilities.password ?? "none") !== "none";
    return mayWrite && isTaken ? [attribute] : [];
  }
  const kept = keptOf(capabilities.attributes, path, attribute);
  if (kept === undefined) return [];
  if (!mayWrite) return [asReadOnly(kept)];
  return path === "members" ? [withoutDisplay(kept)] : [kept];
}

/** What of an attribute a store keeps. See `Capabilities.attributes`. */
function keptOf(
  names: readonly string[] | undefined,
  path: string,
  attribute: AttributeDocument,
): AttributeDocument | undefined {
  if (names === undefined) return attribute;
  const uri = path.slice(0, Math.max(path.lastIndexOf(":"), 0));
  if (names.includes(path) || names.includes(uri)) return attribute;
  const { subAttributes = [] } = attribute;
  const kept = subAttributes.filter(({ name }) => names.includes(`${path}.${name}`));
  return kept.length === 0 ? undefined : { ...attribute, subAttributes: kept };
}

function asReadOnly(attribute: AttributeDocument): AttributeDocument {
  const { subAttributes } = attribute;
  return {
    ...attribute,
    mutability: "readOnly",
    ...(subAttributes !== undefined && { subAttributes: subAttributes.map(asReadOnly) }),
  };
}

/** The name of a member is another resource's, and is not kept. */
function withoutDisplay(members: AttributeDocument): AttributeDocument {
  const { subAttributes = [] } = members;
  return {
    ...members,
    subAttributes: subAttributes.map((sub) => (sub.name === "display" ? asReadOnly(sub) : sub)),
  };
}

function withGroups(
  exchange: Exchange,
  type: ResourceType,
  attribute: AttributeDocument,
): readonly AttributeDocument[] {
  if (type.name !== "User" || attribute.name !== "groups") return [attribute];
  // Without groups, nobody is told to be in any.
  if (exchange.repositories.groups === undefined) return [];
  return [{ ...attribute, returned: tellsGroups(exchange) ? "default" : "request" }];
}
