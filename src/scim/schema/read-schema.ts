import { InvalidValueError, TooManyError } from "../../core/index.js";
import type { AttributeDefinition } from "./attribute.js";
import { ownValue } from "./attribute-tree.js";
import { isJsonObject, type JsonObject } from "./read-value.js";
import { defineSchema, type Schema } from "./schema.js";

/** The most attributes and sub-attributes of a schema that is read, and the most values that one of their lists has. */
const maxAttributes = 1_000;
/** The longest string in a schema that is read. */
const maxCharacters = 10_000;

/** The keywords of RFC 7643 §7; in a schema that is read they stand in any case. */
const keywords = {
  type: [
    "string",
    "boolean",
    "decimal",
    "integer",
    "dateTime",
    "binary",
    "reference",
    "complex",
  ] as const,
  mutability: ["readOnly", "readWrite", "immutable", "writeOnly"] as const,
  returned: ["always", "never", "default", "request"] as const,
  uniqueness: ["none", "server", "global"] as const,
};

/**
 * Reads a Schema resource, such as one of those that `/Schemas` returns. RFC 7643 §7.
 *
 * Characteristics that an attribute's type does not have are ignored, since real documents state them, those
 * printed in RFC 7643 §8.7 too. A schema that is known at run time only gives no types: its attributes are `unknown`.
 *
 * @throws {InvalidValueError} the document is not a schema, or not one that RFC 7643 allows.
 * @throws {TooManyError} it has more than 1,000 attributes and sub-attributes.
 */
export function readSchema(document: unknown): Schema {
  if (!isJsonObject(document)) throw new InvalidValueError("Schema", "a schema is a JSON object.");
  const id = text(document, "id", "");
  const description = optionalText(document, "description", "");
  const reader = new DefinitionReader();
  const attributes = reader.definitions(ownValue(document, "attributes"), "attributes", "");
  return defineSchema(
    {
      id,
      name: optionalText(document, "name", "") ?? id,
      ...(description !== undefined && { description }),
      attributes,
    },
    Object.fromEntries(reader.descriptions),
  );
}

/** Reads the attributes of one schema, and counts them. */
class DefinitionReader {
  readonly descriptions: Map<string, string> = new Map();
  #count = 0;

  /** @param prefix The path of the complex attribute, and a dot. */
  definitions(
    list: unknown,
    characteristic: string,
    prefix: string,
  ): Readonly<Record<string, AttributeDefinition>> {
    if (!Array.isArray(list)) {
      throw new InvalidValueError(prefix + characteristic, "a list of attributes is wanted.");
    }
    this.#count += list.length;
    if (this.#count > maxAttributes) {
      throw new TooManyError(`A schema has at most ${maxAttributes} attributes.`, maxAttributes);
    }
    const entries = new Map<string, AttributeDefinition>();
    for (const item of list) {
      if (!isJsonObject(item)) {
        throw new InvalidValueError(prefix + characteristic, "an attribute is an object.");
      }
      const name = text(item, "name", prefix);
      if (entries.has(name)) throw new InvalidValueError(prefix + name, "it is there twice.");
      entries.set(name, this.#definition(item, prefix + name));
    }
    // Makes properties of its own of names such as "__proto__", which defineSchema then refuses.
    return Object.fromEntries(entries);
  }

  #definition(item: JsonObject, path: string): AttributeDefinition {
    const description = optionalText(item, "description", path);
    if (description !== undefined) this.descriptions.set(path, description);
    const type = keyword("type", item, path) ?? "string";
    const multiValued = flag(item, "multiValued", path);
    const required = flag(item, "required", path);
    const mutability = keyword("mutability", item, path);
    const returned = keyword("returned", item, path);
    const common = {
      ...(multiValued !== undefined && { multiValued }),
      ...(required !== undefined && { required }),
      ...(mutability !== undefined && { mutability }),
      ...(returned !== undefined && mutability !== "writeOnly" && { returned }),
    };
    const uniqueness = keyword("uniqueness", item, path);
    const unique = uniqueness !== undefined && { uniqueness };
    switch (type) {
      case "complex": {
        const subAttributes = ownValue(item, "subAttributes") ?? [];
        return {
          ...common,
          type,
          subAttributes: this.definitions(subAttributes, "subAttributes", `${path}.`) as Readonly<
            Record<string, Exclude<AttributeDefinition, { readonly type: "complex" }>>
          >,
        };
      }
      case "reference": {
        const referenceTypes = texts(item, "referenceTypes", path);
        return {
          ...common,
          ...unique,
          type,
          referenceTypes: referenceTypes.length === 0 ? ["uri"] : referenceTypes,
        };
      }
      case "string": {
        const canonicalValues = texts(item, "canonicalValues", path);
        const caseExact = flag(item, "caseExact", path);
        return {
          ...common,
          ...unique,
          ...(canonicalValues.length > 0 && { canonicalValues }),
          ...(caseExact !== undefined && { caseExact }),
        };
      }
      case "integer":
      case "decimal":
        return { ...common, ...unique, type };
      default:
        return { ...common, type };
    }
  }
}

function keyword<K extends keyof typeof keywords>(
  name: K,
  item: JsonObject,
  path: string,
): (typeof keywords)[K][number] | undefined {
  const stated = optionalText(item, name, path);
  if (stated === undefined) return undefined;
  const known: readonly (typeof keywords)[K][number][] = keywords[name];
  const found = known.find((value) => value.toLowerCase() === stated.toLowerCase());
  if (found === undefined) throw new InvalidValueError(path, `its ${name} is none of RFC 7643 §7.`);
  return found;
}

function flag(item: JsonObject, name: string, path: string): boolean | undefined {
  const value = ownValue(item, name) ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw new InvalidValueError(path, `its ${name} is true or false.`);
}

function texts(item: JsonObject, name: string, path: string): readonly string[] {
  const value = ownValue(item, name) ?? [];
  if (
    Array.isArray(value) &&
    value.length <= maxAttributes &&
    value.every((one) => typeof one === "string" && one.length <= maxCharacters)
  ) {
    return value;
  }
  throw new InvalidValueError(path, `its ${name} are a list of strings.`);
}

function text(item: JsonObject, name: string, path: string): string {
  const value = optionalText(item, name, path);
  if (value === undefined || value === "") {
    throw new InvalidValueError(path + name, "a string is wanted.");
  }
  return value;
}

function optionalText(item: JsonObject, name: string, path: string): string | undefined {
  const value = ownValue(item, name) ?? undefined;
  if (value === undefined || (typeof value === "string" && value.length <= maxCharacters)) {
    return value;
  }
  throw new InvalidValueError(
    path,
    `its ${name} is a string of up to ${maxCharacters} characters.`,
  );
}
