import { InvalidValueError, MutabilityError } from "../../core/index.js";
import type { AttributeNode, Children } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import { matches } from "../schema/same-value.js";

/**
 * Checks that an attribute, or a sub-attribute of a value, may change.
 *
 * @throws {MutabilityError} it is immutable and has another value, or it is required and would have none.
 */
export function checkChange(node: AttributeNode, before: unknown, after: unknown): void {
  const { path, attribute } = node;
  if (before === undefined) return;
  if (attribute.mutability === "immutable" && !matches(node, before, after)) {
    throw new MutabilityError(path, "it is immutable, and has another value (RFC 7644 §3.5.2).");
  }
  if (after === undefined && attribute.required) {
    throw new MutabilityError(path, "it is required (RFC 7644 §3.5.2.2).");
  }
}

/** @throws {InvalidValueError} a required attribute of an object is not there. */
export function assertRequired(children: Children, value: unknown): void {
  for (const { name, path } of children.required) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) {
      throw new InvalidValueError(path, "it is required.");
    }
  }
}
