import { caseless } from "../../../core/index.js";
import type { Attribute, Attributes } from "../../schema/attribute.js";
import type { ResourceType } from "../../schema/resource-type.js";

/**
 * A copy of a resource, or of part of one, in which text is in the form in which it is compared: in that of `caseless`, unless the
 * attribute is case exact. For a column of JSON by which filters go, beside the one that holds the resource.
 *
 * @param type The resource type, whose spelling the names of the resource have. What it does not know stays as it is.
 */
export function comparedForm(type: ResourceType, resource: object): Record<string, unknown> {
  const extensions = new Map(type.schemaExtensions.map(({ schema }) => [schema.id, schema]));
  return mapped(resource, (name, value) => {
    const extension = extensions.get(name);
    if (extension !== undefined) return inForm(extension.attributes, value);
    const attribute = type.attributes.get(name.toLowerCase())?.attribute;
    return attribute === undefined ? value : valueInForm(attribute, value);
  });
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
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, change(name, value)]),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
