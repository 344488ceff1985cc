import { InvalidValueError } from "../../core/index.js";
import type { Attribute } from "./attribute.js";
import { commonAttributes, type Resource, type ResourceRequest } from "./common.js";
import { type EnterpriseUserSchema, enterpriseUserSchema } from "./enterprise-user.js";
import { type Group, type GroupSchema, groupSchema, type NewGroup } from "./group.js";
import type { Infer, InferRequest } from "./infer.js";
import type { Schema } from "./schema.js";
import { type NewUser, type User, type UserSchema, userSchema } from "./user.js";

/** A schema whose attributes a resource holds under the URI of the schema. RFC 7643 §3.3 and §6. */
export interface SchemaExtension<S extends Schema = Schema> {
  /** The schema. */
  readonly schema: S;
  /** Whether every resource of the type has it. */
  readonly required: boolean;
}

/** What {@link defineResourceType} makes a resource type of. RFC 7643 §6. */
export interface ResourceTypeDefinition<
  S extends Schema = Schema,
  X extends readonly SchemaExtension[] = readonly SchemaExtension[],
> {
  /** The id. Default: the name. */
  readonly id?: string;
  /** The name, such as `User`; it is `meta.resourceType` of the resources. */
  readonly name: string;
  /** The human-readable description. */
  readonly description?: string;
  /** The endpoint below the base URL of the service provider, such as `/Users`. */
  readonly endpoint: string;
  /** The base schema. */
  readonly schema: S;
  /** The extensions that resources of the type can have. Default: none. */
  readonly schemaExtensions?: X;
}

/** A kind of resources: at which endpoint they are, and which attributes they can have. RFC 7643 §6. */
export interface ResourceType<
  S extends Schema = Schema,
  X extends readonly SchemaExtension[] = readonly SchemaExtension[],
> {
  /** The id. */
  readonly id: string;
  /** The name, such as `User`; it is `meta.resourceType` of the resources. */
  readonly name: string;
  /** The human-readable description. */
  readonly description?: string;
  /** The endpoint below the base URL of the service provider, such as `/Users`. */
  readonly endpoint: string;
  /** The base schema, whose attributes stand at the top level of a resource. */
  readonly schema: S;
  /** The extensions, whose attributes stand under the URI of their schema. */
  readonly schemaExtensions: X;
  /** Every attribute and sub-attribute by its canonical path in lower case. See `findAttribute`. */
  readonly attributes: ReadonlyMap<string, ResolvedAttribute>;
}

/** An attribute of a resource type, found by its path. */
export interface ResolvedAttribute {
  /** The path as the schemas spell it: `name.familyName`, or `urn:…:User:manager.value` in an extension. */
  readonly path: string;
  /** The schema that defines the attribute; absent for the common attributes, which belong to none. */
  readonly schema?: Schema;
  /** Whether the attribute belongs to an extension, and so stands under the URI of its schema. */
  readonly extension: boolean;
  /** The attribute, or the complex one whose sub-attribute was named. */
  readonly attribute: Attribute;
  /** The sub-attribute, if one was named. */
  readonly subAttribute?: Attribute;
}

/** The type of {@link userResourceType}. */
export interface UserResourceType
  extends ResourceType<
    UserSchema,
    readonly [{ readonly schema: EnterpriseUserSchema; readonly required: false }]
  > {}

/** The type of {@link groupResourceType}. */
export interface GroupResourceType extends ResourceType<GroupSchema, readonly []> {}

/**
 * A resource of a type as it is read: the common attributes, those of the base schema, and the extensions. That of
 * {@link userResourceType} is a {@link User}, and that of {@link groupResourceType} a {@link Group}.
 */
export type InferResource<T extends ResourceType> = T extends UserResourceType
  ? User
  : T extends GroupResourceType
    ? Group
    : Resource &
        Infer<T["schema"]> & {
          readonly [E in RequiredExtension<T> as E["schema"]["id"]]: Infer<E["schema"]>;
        } & {
          readonly [E in OptionalExtension<T> as E["schema"]["id"]]?: Infer<E["schema"]>;
        };

/**
 * A resource of a type as a client sends it, to create one or to replace one: without what is readOnly. That of
 * {@link userResourceType} is a {@link NewUser}, and that of {@link groupResourceType} a {@link NewGroup}.
 */
export type InferResourceRequest<T extends ResourceType> = T extends UserResourceType
  ? NewUser
  : T extends GroupResourceType
    ? NewGroup
    : ResourceRequest &
        InferRequest<T["schema"]> & {
          readonly [E in RequiredExtension<T> as E["schema"]["id"]]: InferRequest<E["schema"]>;
        } & {
          readonly [E in OptionalExtension<T> as E["schema"]["id"]]?: InferRequest<E["schema"]>;
        };

type RequiredExtension<T extends ResourceType> = Extract<
  T["schemaExtensions"][number],
  { readonly required: true }
>;
type OptionalExtension<T extends ResourceType> = Exclude<
  T["schemaExtensions"][number],
  { readonly required: true }
>;

/**
 * Makes a resource type of its definition.
 *
 * ```ts
 * const staffType = defineResourceType({
 *   name: "User",
 *   endpoint: "/Users",
 *   schema: userSchema,
 *   schemaExtensions: [{ schema: badgeSchema, required: true }],
 * });
 * type StaffUser = InferResource<typeof staffType>;
 * ```
 *
 * What the base schema says of a common attribute is ignored: the characteristics of RFC 7643 §3.1 take precedence.
 *
 * @throws {InvalidValueError} the endpoint is not a path, two schemas have the same URI, or the base schema has a
 * `standard`, which only an extension can have.
 */
export function defineResourceType<
  const S extends Schema,
  const X extends readonly SchemaExtension[] = readonly [],
>(definition: ResourceTypeDefinition<S, X>): ResourceType<S, X> {
  const { id, name, description, endpoint, schema, schemaExtensions } = definition;
  if (!/^\/[A-Za-z0-9_~-]+$/.test(endpoint)) {
    throw new InvalidValueError("endpoint", 'an endpoint is "/" and a name (RFC 7643 §6).');
  }
  if (schema.standard !== undefined) {
    throw new InvalidValueError("schema", "only an extension can be read by a Standard Schema.");
  }
  // Without extensions, X is inferred as the empty tuple, which the compiler cannot see here.
  const extensions = schemaExtensions ?? ([] as readonly SchemaExtension[] as X);
  return {
    id: id ?? name,
    name,
    ...(description !== undefined && { description }),
    endpoint,
    schema,
    schemaExtensions: extensions,
    attributes: attributesOf(schema, extensions),
  };
}

function attributesOf(
  base: Schema,
  extensions: readonly SchemaExtension[],
): Map<string, ResolvedAttribute> {
  const found = new Map<string, ResolvedAttribute>();
  const add = (attribute: Attribute, prefix: string, schema?: Schema): void => {
    const of = { extension: prefix !== "", attribute, ...(schema !== undefined && { schema }) };
    const path = prefix + attribute.name;
    found.set(path.toLowerCase(), { path, ...of });
    for (const subAttribute of attribute.subAttributes.values()) {
      const subPath = `${path}.${subAttribute.name}`;
      found.set(subPath.toLowerCase(), { path: subPath, ...of, subAttribute });
    }
  };
  for (const attribute of commonAttributes.values()) add(attribute, "");
  for (const [key, attribute] of base.attributes) {
    if (!commonAttributes.has(key)) add(attribute, "", base);
  }
  const uris = new Set([base.id.toLowerCase()]);
  for (const { schema } of extensions) {
    const uri = schema.id.toLowerCase();
    if (uris.has(uri)) {
      throw new InvalidValueError("schemaExtensions", `"${schema.id}" is there already.`);
    }
    uris.add(uri);
    for (const attribute of schema.attributes.values()) add(attribute, `${schema.id}:`, schema);
  }
  return found;
}

/**
 * The attribute that a path names, in any case. RFC 7643 §2.1, RFC 7644 §3.10.
 *
 * The URI of the base schema may stand before a name and need not; an attribute of an extension needs the URI of its
 * own.
 *
 * @returns `undefined` if the resource type has no such attribute.
 */
export function findAttribute(
  type: ResourceType,
  path: { readonly schema?: string; readonly attribute: string; readonly subAttribute?: string },
): ResolvedAttribute | undefined {
  const { attribute, subAttribute } = path;
  const name = subAttribute === undefined ? attribute : `${attribute}.${subAttribute}`;
  const key = name.toLowerCase();
  if (path.schema === undefined) {
    const found = type.attributes.get(key);
    return found?.extension === true ? undefined : found;
  }
  const uri = path.schema.toLowerCase();
  return uri === type.schema.id.toLowerCase()
    ? findAttribute(type, { attribute: key })
    : type.attributes.get(`${uri}:${key}`);
}

/**
 * The attributes whose values no two resources may share, for stores to index. RFC 7643 §7, "uniqueness". `id` is left
 * out, which the store gives.
 */
export function uniqueAttributes(type: ResourceType): readonly ResolvedAttribute[] {
  return [...type.attributes.values()].filter(
    ({ path, attribute, subAttribute }) =>
      path !== "id" && (subAttribute ?? attribute).uniqueness !== "none",
  );
}

/** Users, with the enterprise extension. RFC 7643 §4.1 and §4.3. */
export const userResourceType: UserResourceType = /* @__PURE__ */ defineResourceType({
  name: "User",
  description: "User Account",
  endpoint: "/Users",
  schema: userSchema,
  schemaExtensions: [{ schema: enterpriseUserSchema, required: false }],
});

/** Groups. RFC 7643 §4.2. */
export const groupResourceType: GroupResourceType = /* @__PURE__ */ defineResourceType({
  name: "Group",
  description: "Group",
  endpoint: "/Groups",
  schema: groupSchema,
});
