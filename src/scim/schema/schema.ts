import { InvalidValueError } from "../../core/index.js";
import { type AttributeDefinition, type Attributes, resolveAttributes } from "./attribute.js";
import type { StandardSchema } from "./standard-schema.js";

/** A schema as data. RFC 7643 §7. Write it as a literal; what it leaves out has the defaults of §2.2. */
export interface SchemaDefinition {
  /** The URI of the schema. */
  readonly id: string;
  /** The human-readable name, such as `User`. */
  readonly name: string;
  /** The human-readable description. */
  readonly description?: string;
  /** The attributes by name. */
  readonly attributes: Readonly<Record<string, AttributeDefinition>>;
  /**
   * Reads what an extension holds, in place of the attributes, which then do no more than show filters, patches and
   * `/Schemas` of those that they shall know. Its result may not be a promise.
   */
  readonly standard?: StandardSchema;
}

/** A schema that has been checked, and knows its literal definition `D` as a type. */
export interface Schema<D extends SchemaDefinition = SchemaDefinition> {
  /** The URI of the schema. */
  readonly id: D["id"];
  /** The human-readable name, such as `User`. */
  readonly name: D["name"];
  /** The human-readable description. */
  readonly description?: string;
  /** The definition as it was written. */
  readonly definition: D;
  /** The attributes with all of their characteristics, by name in lower case. */
  readonly attributes: Attributes;
  /** Reads what an extension holds, in place of the attributes. */
  readonly standard?: StandardSchema;
}

/** The paths of a schema's attributes and sub-attributes, such as `name` and `name.familyName`. */
export type AttributePath<D extends SchemaDefinition> = {
  [K in keyof D["attributes"] & string]: D["attributes"][K] extends {
    readonly subAttributes: infer S;
  }
    ? K | `${K}.${keyof S & string}`
    : K;
}[keyof D["attributes"] & string];

/** Human-readable descriptions of a schema's attributes, by path. */
export type Descriptions<D extends SchemaDefinition> = {
  readonly [P in AttributePath<D>]?: string;
};

/**
 * Makes a schema of its definition.
 *
 * ```ts
 * const badgeSchema = defineSchema({
 *   id: "urn:example:params:scim:schemas:2.0:Badge",
 *   name: "Badge",
 *   attributes: {
 *     number: { type: "integer", required: true, uniqueness: "server" },
 *     colours: { multiValued: true, canonicalValues: ["red", "blue"] },
 *   },
 * });
 * type Badge = Infer<typeof badgeSchema>;
 * ```
 *
 * An exported definition under `isolatedDeclarations` is a constant of its own (`as const`), and the schema is
 * annotated with `Schema<typeof definition>`.
 *
 * An extension may be given as any Standard Schema: `defineSchema({ id, name, attributes: {}, standard: z.object(…)
 * })`.
 *
 * @param descriptions What `/Schemas` says of the attributes, apart from the definition so that its type stays small.
 * @throws {InvalidValueError} the definition is not one that RFC 7643 allows.
 */
export function defineSchema<const D extends SchemaDefinition>(
  definition: D,
  descriptions?: Descriptions<NoInfer<D>>,
): Schema<D> {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(definition.id)) {
    throw new InvalidValueError("id", "the id of a schema is a URI (RFC 7643 §7).");
  }
  return {
    id: definition.id,
    name: definition.name,
    ...(definition.description !== undefined && { description: definition.description }),
    definition,
    ...(definition.standard !== undefined && { standard: definition.standard }),
    attributes: resolveAttributes(definition.attributes, descriptions),
  };
}
