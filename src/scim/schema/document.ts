import type { Attribute, AttributeType, Characteristics, Uniqueness } from "./attribute.js";
import type { Resource } from "./common.js";
import type { ResourceType } from "./resource-type.js";
import type { Schema } from "./schema.js";

/** What a Schema resource says of one attribute. RFC 7643 §7, "attributes". */
export interface AttributeDocument extends Required<Characteristics> {
  /** The name as the schema spells it. */
  readonly name: string;
  /** The data type. */
  readonly type: AttributeType;
  /** The human-readable description. */
  readonly description?: string;
  /** Suggested values; absent where there are none. */
  readonly canonicalValues?: readonly string[];
  /** Absent from types that have no case. */
  readonly caseExact?: boolean;
  /** Absent from types that have no uniqueness. */
  readonly uniqueness?: Uniqueness;
  /** What may be referred to; absent unless the type is `reference`. */
  readonly referenceTypes?: readonly string[];
  /** Absent unless the type is `complex`. */
  readonly subAttributes?: readonly AttributeDocument[];
}

/** A Schema resource, as the `/Schemas` endpoint returns it. RFC 7643 §7. */
export interface SchemaDocument extends Resource {
  /** The URI of the schema of Schema resources. */
  readonly schemas: readonly string[];
  /** The human-readable name, such as `User`. */
  readonly name: string;
  /** The human-readable description. */
  readonly description?: string;
  /** What the schema defines, in the order of definition. */
  readonly attributes: readonly AttributeDocument[];
}

/** A ResourceType resource, as the `/ResourceTypes` endpoint returns it. RFC 7643 §6. */
export interface ResourceTypeDocument extends Resource {
  /** The URI of the schema of ResourceType resources. */
  readonly schemas: readonly string[];
  /** The name of the resource type, such as `User`. */
  readonly name: string;
  /** The human-readable description. */
  readonly description?: string;
  /** The endpoint below the base URL of the service provider. */
  readonly endpoint: string;
  /** The URI of the base schema. */
  readonly schema: string;
  /** The extensions, by the URIs of their schemas; absent where there are none. */
  readonly schemaExtensions?: readonly { readonly schema: string; readonly required: boolean }[];
}

const withCase: readonly AttributeType[] = ["string", "reference", "binary"];
const withUniqueness: readonly AttributeType[] = ["string", "integer", "decimal", "reference"];

/**
 * The Schema resource of a schema. RFC 7643 §7.
 *
 * Every characteristic that the attribute's type has is stated, defaults too. `meta.location` is left to the caller
 * that knows the address of the service provider.
 */
export function schemaDocument(schema: Schema): SchemaDocument {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
    id: schema.id,
    name: schema.name,
    ...(schema.description !== undefined && { description: schema.description }),
    attributes: Array.from(schema.attributes.values(), attributeDocument),
    meta: { resourceType: "Schema" },
  };
}

function attributeDocument(attribute: Attribute): AttributeDocument {
  const { name, type, multiValued, description, required, mutability, returned } = attribute;
  const { canonicalValues, referenceTypes, subAttributes } = attribute;
  return {
    name,
    type,
    multiValued,
    ...(description !== undefined && { description }),
    required,
    ...(canonicalValues.length > 0 && { canonicalValues }),
    ...(withCase.includes(type) && { caseExact: attribute.caseExact }),
    mutability,
    returned,
    ...(withUniqueness.includes(type) && { uniqueness: attribute.uniqueness }),
    ...(type === "reference" && { referenceTypes }),
    ...(type === "complex" && {
      subAttributes: Array.from(subAttributes.values(), attributeDocument),
    }),
  };
}

/**
 * The ResourceType resource of a resource type. RFC 7643 §6. `meta.location` is left to the caller that knows the base
 * URL.
 */
export function resourceTypeDocument(type: ResourceType): ResourceTypeDocument {
  const { id, name, description, endpoint, schema, schemaExtensions } = type;
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    id,
    name,
    ...(description !== undefined && { description }),
    endpoint,
    schema: schema.id,
    ...(schemaExtensions.length > 0 && {
      schemaExtensions: schemaExtensions.map(({ schema: { id: uri }, required }) => ({
        schema: uri,
        required,
      })),
    }),
    meta: { resourceType: "ResourceType" },
  };
}
