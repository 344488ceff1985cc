import { caseless } from "../../../core/index.js";
import type { Attribute, Attributes } from "../../schema/attribute.js";
import type { ResourceType } from "../../schema/resource-type.js";

/**
 * A copy of a resource, or of part of one, in which text is in the form in which it is compared: in that of `caseless`,
 * unless the attribute is case exact. For a column of JSON by which filters go, beside the one that holds the resource.
 *
 * @param type The resource type, whose spelling the names of the resource have. What it does not know stays as it is.
 */
export function comparedForm(type: ResourceType, resource: object): Record<string, unknown> {
  return mapped(resource, (name, value) => comparedValue(type, name, value));
}

/** An attribute of a resource, or what it has of an extension, in the form in which it is compared. */
export function comparedValue(type: ResourceType, name: string, value: unknown): unknown {
  const extension = extensionsOf(type).get(name);
  if (extension !== undefined) return inForm(extension, value);
  const attribute = type.attributes.get(name.toLowerCase())?.attribute;
  return attribute === undefined ? value : valueInForm(attribute, value);
}

/** The attributes of the extensions of resource types. */
const known = new WeakMap<ResourceType, ReadonlyMap<string, Attributes>>();

function extensionsOf(type: ResourceType): ReadonlyMap<string, Attributes> {
  const kept = known.get(type);
  if (kept !== undefined) return kept;
  const found = new Map(
    type.schemaExtensions.map(({ schema }) => [schema.id, schema.attributes] as const),
  );
  known.set(type, found);
  return found;
}

function inForm(attributes: Attributes, value: unknown): unknown {
  if (!isObject(value)) return value;
  return mapped(value, (name, inside) => {
    const attribute = attributes.get(name.toLowerCase());
    return attribute === undefined ? inside : valueInForm(attribute, inside);
  });
}

function valueInForm(attribute: Attribute, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => valueInForm(attribute, item));
  if (isObject(value)) return inForm(attribute.subAttributes, value);
  const isFolded = typeof value === "string" && attribute.type === "string" && !attribute.caseExact;
  return isFolded ? caseless(value) : value;
}

function mapped(
  object: object,
  change: (name: string, value: unknown) => unknown,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(object)) {
    const value = change(name, (object as Readonly<Record<string, unknown>>)[name]);
    // Set as others are, it would be no member.
    if (name === "__proto__") Object.defineProperty(copy, name, { ...asMember, value });
    else copy[name] = value;
  }
  return copy;
}

const asMember = { configurable: true, enumerable: true, writable: true };

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
