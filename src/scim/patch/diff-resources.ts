import { type PatchOp, type PatchOperation, patchOpId } from "../message/patch-op.js";
import {
  type AttributeNode,
  attributeTree,
  type ExtensionNode,
  ownValue,
} from "../schema/attribute-tree.js";
import { isJsonObject, type JsonObject } from "../schema/read-value.js";
import type { ResourceType } from "../schema/resource-type.js";
import { isSame } from "../schema/same-value.js";
import { diffValues } from "./diff-values.js";
import { isReference } from "./value-identity.js";

/**
 * The smallest PATCH that makes one resource of another: applied to `before` it gives `after`, in all that a client can
 * write.
 *
 * What is readOnly, and what is never returned, such as the password, is not compared. Lists are, but the order of
 * references such as `members` does not matter. An immutable attribute that differs gives an operation that will be
 * refused.
 *
 * @returns `undefined` if nothing differs, since a PATCH has at least one operation (RFC 7644 §3.5.2).
 */
export function diffResources(
  type: ResourceType,
  before: object,
  after: object,
): PatchOp | undefined {
  const tree = attributeTree(type);
  const operations = tree.children.all.flatMap((node) =>
    node.name === "schemas" ? [] : diffAttribute(node, before, after),
  );
  for (const { schema } of type.schemaExtensions) {
    const extension = tree.extensions.get(schema.id);
    if (extension !== undefined) operations.push(...diffExtension(extension, before, after));
  }
  return operations.length === 0 ? undefined : { schemas: [patchOpId], Operations: operations };
}

function diffExtension(
  { path, schema, children }: ExtensionNode,
  before: object,
  after: object,
): readonly PatchOperation[] {
  const [from, to] = [assigned(before, path), assigned(after, path)];
  if (isSame(from, to)) return [];
  if (to === undefined) return [{ op: "remove", path }];
  if (schema.standard === undefined) {
    const ofBefore = isJsonObject(from) ? from : {};
    const ofAfter = isJsonObject(to) ? to : {};
    return children.all.flatMap((node) => diffAttribute(node, ofBefore, ofAfter));
  }
  const addition: PatchOperation = { op: "add", path, value: to };
  return from === undefined ? [addition] : [{ op: "remove", path }, addition];
}

function diffAttribute(
  node: AttributeNode,
  before: object,
  after: object,
): readonly PatchOperation[] {
  if (!isCompared(node)) return [];
  const { path, attribute } = node;
  const from = comparable(node, assigned(before, node.name));
  const to = comparable(node, assigned(after, node.name));
  if (isSame(from, to)) return [];
  if (to === undefined) return [{ op: "remove", path }];
  if (from === undefined) return [{ op: "add", path, value: to }];
  if (attribute.multiValued) return diffValues(node, listOf(from), listOf(to));
  return isJsonObject(from) && isJsonObject(to)
    ? diffObject(node, from, to)
    : [{ op: "replace", path, value: to }];
}

/** A replacement leaves the sub-attributes that it does not state, so it states those that differ. */
function diffObject(
  node: AttributeNode,
  from: JsonObject,
  to: JsonObject,
): readonly PatchOperation[] {
  const { path, children } = node;
  // A reference that comes to mean another resource loses what was said of the first.
  const isMoved = isReference(node) && !isSame(ownValue(from, "value"), ownValue(to, "value"));
  if (isMoved) return [{ op: "replace", path, value: to }];
  const changed = children.all.filter(
    ({ name }) => !isSame(ownValue(from, name), ownValue(to, name)),
  );
  const given = changed.filter(({ name }) => Object.hasOwn(to, name));
  const gone = changed.filter(({ name }) => !Object.hasOwn(to, name));
  const removals = gone.map((sub): PatchOperation => ({ op: "remove", path: sub.path }));
  const [first, ...others] = given;
  if (first === undefined) return removals;
  if (others.length === 0) {
    return [...removals, { op: "replace", path: first.path, value: to[first.name] }];
  }
  const value = Object.fromEntries(given.map(({ name }) => [name, to[name]]));
  return [...removals, { op: "replace", path, value }];
}

function isCompared({ attribute }: AttributeNode): boolean {
  return attribute.mutability !== "readOnly" && attribute.returned !== "never";
}

/** A value without what is not compared, and nothing if nothing is left. */
function comparable(node: AttributeNode, value: unknown): unknown {
  if (Array.isArray(value)) {
    const list = value.flatMap((element) => comparable(node, element) ?? []);
    return list.length === 0 ? undefined : list;
  }
  if (node.attribute.type !== "complex" || !isJsonObject(value)) return value;
  const entries = node.children.all
    .filter(isCompared)
    .map((sub) => [sub.name, comparable(sub, assigned(value, sub.name))] as const)
    .filter(([, part]) => part !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** What an object holds by a name; null is nothing. */
function assigned(object: object, name: string): unknown {
  return ownValue(object, name) ?? undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
