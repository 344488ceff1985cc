import type { ReadOptions } from "../repositories/index.js";
import {
  type Attribute,
  type ProjectionOptions,
  projection,
  type Resource,
  type ResourceType,
} from "../scim/index.js";
import { isJsonObject } from "../scim/internal.js";

/** Which attributes a client wants to see. */
export type Wanted = Pick<ProjectionOptions, "attributes" | "excludedAttributes">;

/** What URLs are made of. */
interface Served {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly types: readonly ResourceType[];
}

/** An attribute whose values refer to resources. */
interface ReferenceAttribute {
  readonly extension?: string;
  readonly name: string;
  /** The type that is meant where the value does not say. */
  readonly only?: ResourceType;
}

/** Makes of a resource, as a store has it, what an answer holds: with URLs, and with the attributes that are wanted. */
export class Representation {
  readonly #served: Served;
  readonly #type: ResourceType;
  readonly #references: readonly ReferenceAttribute[];
  readonly #project: (resource: Resource) => object;

  constructor(served: Served, type: ResourceType, options: ProjectionOptions) {
    this.#served = served;
    this.#type = type;
    this.#references = referencesOf(type, served.types);
    this.#project = projection(type, options);
  }

  of(resource: Resource): object {
    return this.#project(this.#located(resource));
  }

  #located(resource: Resource): Resource {
    const entries = new Map<string, unknown>(Object.entries(resource));
    for (const { extension, name, only } of this.#references) {
      if (extension === undefined) {
        const value = entries.get(name);
        if (value !== undefined) entries.set(name, this.#referring(value, only));
        continue;
      }
      const part = entries.get(extension);
      if (!isJsonObject(part) || !Object.hasOwn(part, name)) continue;
      entries.set(extension, { ...part, [name]: this.#referring(part[name], only) });
    }
    entries.set("meta", {
      resourceType: this.#type.name,
      ...resource.meta,
      location: locationOf(this.#served, this.#type, resource.id),
    });
    return { ...Object.fromEntries(entries), id: resource.id };
  }

  /** A value that refers to a resource, or a list of such values, with the URL of the resource in `$ref`. */
  #referring(value: unknown, only: ResourceType | undefined): unknown {
    if (Array.isArray(value)) return value.map((element) => this.#referring(element, only));
    if (!isJsonObject(value) || typeof value["value"] !== "string") return value;
    const { $ref: _, ...stated } = value;
    const type = this.#served.types.find(({ name }) => name === value["type"]) ?? only;
    return type === undefined
      ? stated
      : { ...stated, $ref: locationOf(this.#served, type, value["value"]) };
  }
}

/** The representations of the types, of which the usual one of each is made once. */
export class Representations {
  readonly #served: Served;
  readonly #usual: Map<ResourceType, Representation> = new Map();

  constructor(served: Served) {
    this.#served = served;
  }

  /** The representation of resources of a type. */
  of(type: ResourceType, options: ProjectionOptions): Representation {
    const { attributes, excludedAttributes, stated } = options;
    const isUsual =
      attributes === undefined &&
      excludedAttributes === undefined &&
      (stated === undefined || !hasOnRequest(type));
    if (!isUsual) return new Representation(this.#served, type, options);
    let usual = this.#usual.get(type);
    if (usual === undefined) {
      usual = new Representation(this.#served, type, {});
      this.#usual.set(type, usual);
    }
    return usual;
  }
}

/** Whether it matters for an answer what the client has stated. RFC 7643 §7, "returned". */
function hasOnRequest({ attributes }: ResourceType): boolean {
  return [...attributes.values()].some(
    ({ attribute, subAttribute }) => (subAttribute ?? attribute).returned === "request",
  );
}

/** The URL of a resource. */
export function locationOf(
  { baseUrl }: Pick<Served, "baseUrl">,
  type: ResourceType,
  id: string,
): string {
  return `${baseUrl}${type.endpoint}/${encodeURIComponent(id)}`;
}

/** What to ask a store for, so that it has no work with what is not wanted. */
export function readOptions(
  type: ResourceType,
  { attributes, excludedAttributes = [] }: Wanted,
  signal: AbortSignal,
): ReadOptions {
  const excluded = excludedAttributes.flatMap((name) => topLevel(type, name, true) ?? []);
  const wanted =
    attributes === undefined
      ? [...type.schema.attributes.values()].flatMap(({ name }) =>
          excluded.includes(name) ? [] : [name],
        )
      : attributes.flatMap((name) => topLevel(type, name, false) ?? []);
  return { attributes: wanted, excludedAttributes: excluded, signal };
}

/** The name of the attribute at the top that a path in standard attribute notation leads to. */
export function topLevel(type: ResourceType, path: string, isWhole: boolean): string | undefined {
  const prefix = `${type.schema.id.toLowerCase()}:`;
  const key = path.trim().toLowerCase();
  const found = type.attributes.get(key.startsWith(prefix) ? key.slice(prefix.length) : key);
  if (found === undefined || found.extension || (isWhole && found.subAttribute !== undefined)) {
    return undefined;
  }
  return found.attribute.name;
}

function referencesOf(
  type: ResourceType,
  types: readonly ResourceType[],
): readonly ReferenceAttribute[] {
  return [...type.attributes.values()].flatMap(({ attribute, subAttribute, extension, schema }) => {
    if (subAttribute !== undefined || !isReference(attribute)) return [];
    const referenced = attribute.subAttributes.get("$ref")?.referenceTypes ?? [];
    const possible = types.filter(({ name }) => referenced.includes(name));
    const [only] = possible;
    return [
      {
        name: attribute.name,
        ...(extension && schema !== undefined && { extension: schema.id }),
        ...(possible.length === 1 && only !== undefined && { only }),
      },
    ];
  });
}

/** Whether the values of an attribute refer to resources. */
export function isReference({ subAttributes }: Attribute): boolean {
  return subAttributes.has("$ref") && subAttributes.has("value");
}
