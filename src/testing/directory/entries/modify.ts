import { DirectoryError, ResultCode } from "../errors.js";
import { normalizeValue, type Rdn } from "./dn.js";
import { type Attributes, AttributeValues, type GivenAttribute } from "./entry.js";
import { attributeKey, attributeType, isAttributeDescription } from "./schema.js";

/** One change of a modify request. RFC 4511 §4.6 */
export interface Modification {
  readonly operation: "add" | "delete" | "replace";
  readonly attribute: GivenAttribute;
}

/** The key under which an attribute of this description is kept: the type's key, then its options. */
export function storageKey(description: string): string {
  const [type = "", ...options] = description.split(";");
  return [attributeKey(type), ...options.map((option) => option.toLowerCase()).sort()].join(";");
}

/**
 * Checks that a user may give these values to an attribute.
 *
 * @throws {DirectoryError} undefinedAttributeType, constraintViolation, invalidAttributeSyntax or
 * attributeOrValueExists.
 */
export function checkGiven(attribute: GivenAttribute): AttributeValues {
  if (!isAttributeDescription(attribute.type)) {
    throw new DirectoryError(
      ResultCode.undefinedAttributeType,
      `${attribute.type}: attribute type undefined`,
    );
  }
  const type = attributeType(attributeKey(attribute.type));
  if (type?.operational) {
    throw new DirectoryError(
      ResultCode.constraintViolation,
      `${type.name}: no user modification allowed`,
    );
  }
  const values = new AttributeValues(attribute.type, attribute.values);
  for (const [index, value] of attribute.values.entries()) {
    if (normalizeValue(values.matching, value) === undefined) {
      throw new DirectoryError(
        ResultCode.invalidAttributeSyntax,
        `${attribute.type}: value #${index} invalid per syntax`,
      );
    }
  }
  if (values.keys.size < values.values.length) {
    throw new DirectoryError(
      ResultCode.attributeOrValueExists,
      `${attribute.type}: value provided more than once`,
    );
  }
  return values;
}

/** Checks that an attribute has no more values than its type allows. */
export function checkCount(attribute: AttributeValues): void {
  const type = attributeType(attributeKey(attribute.description));
  if (type?.singleValue && attribute.values.length > 1) {
    throw new DirectoryError(
      ResultCode.constraintViolation,
      `attribute '${type.name}' cannot have multiple values`,
    );
  }
}

/** Applies modifications in their order; on an error nothing has changed. */
export function modifyAttributes(
  attributes: Attributes,
  modifications: readonly Modification[],
): Map<string, AttributeValues> {
  const changed = new Map(attributes);
  for (const { operation, attribute } of modifications) {
    const key = storageKey(attribute.type);
    const given = checkGiven(attribute);
    const held = changed.get(key);
    if (operation === "add") {
      changed.set(key, addValues(held, given));
    } else if (operation === "delete") {
      setOrDelete(changed, key, deleteValues(held, given));
    } else {
      setOrDelete(changed, key, given);
    }
    const result = changed.get(key);
    if (result !== undefined) checkCount(result);
  }
  return changed;
}

function setOrDelete(
  attributes: Map<string, AttributeValues>,
  key: string,
  values: AttributeValues,
): void {
  if (values.values.length > 0) attributes.set(key, values);
  else attributes.delete(key);
}

function addValues(held: AttributeValues | undefined, given: AttributeValues): AttributeValues {
  if (given.values.length === 0) {
    throw new DirectoryError(ResultCode.protocolError, "modify/add: no values given");
  }
  if (held === undefined) return given;
  for (const [index, value] of given.values.entries()) {
    if (held.keys.has(given.keyOf(value))) {
      throw new DirectoryError(
        ResultCode.attributeOrValueExists,
        `modify/add: ${given.description}: value #${index} already exists`,
      );
    }
  }
  return held.with(given.values);
}

function deleteValues(held: AttributeValues | undefined, given: AttributeValues): AttributeValues {
  if (held === undefined) {
    throw new DirectoryError(
      ResultCode.noSuchAttribute,
      `modify/delete: ${given.description}: no such attribute`,
    );
  }
  if (given.values.length === 0) return new AttributeValues(held.description, []);
  for (const key of given.keys) {
    if (!held.keys.has(key)) {
      throw new DirectoryError(
        ResultCode.noSuchAttribute,
        `modify/delete: ${given.description}: no such value`,
      );
    }
  }
  return held.without(given.keys);
}

/** Adds the values of an RDN that are not there yet. */
export function addNaming(attributes: Map<string, AttributeValues>, rdn: Rdn): void {
  for (const { type, value } of rdn) {
    const key = attributeKey(type);
    const held = attributes.get(key);
    if (held === undefined) attributes.set(key, new AttributeValues(type, [value]));
    else if (!held.keys.has(held.keyOf(value))) attributes.set(key, held.with([value]));
  }
}

/** Takes the values of an RDN away. */
export function removeNaming(attributes: Map<string, AttributeValues>, rdn: Rdn): void {
  for (const { type, value } of rdn) {
    const key = attributeKey(type);
    const held = attributes.get(key);
    if (held !== undefined) {
      setOrDelete(attributes, key, held.without(new Set([held.keyOf(value)])));
    }
  }
}

/** Whether the attributes hold every value of an RDN. */
export function holdsNaming(attributes: Attributes, rdn: Rdn): boolean {
  return rdn.every(({ type, value }) => {
    const held = attributes.get(attributeKey(type));
    return held?.keys.has(held.keyOf(value)) === true;
  });
}
