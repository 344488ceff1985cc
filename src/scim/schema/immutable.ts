import type { AttributeNode, AttributeTree, Children } from "./attribute-tree.js";
import { ownValue } from "./attribute-tree.js";
import { isJsonObject } from "./read-value.js";
import { matches } from "./same-value.js";
import type { ValidationContext } from "./validation-context.js";

/**
 * Holds a replacement against the resource that it replaces: what is immutable and has a value must match, and keeps
 * the value if the request does not state it. RFC 7644 §3.5.1.
 *
 * The values of a multi-valued attribute come and go as a whole, so sub-attributes such as `members.value` are not
 * looked at.
 */
export function keepImmutable(
  tree: AttributeTree,
  replacement: Record<string, unknown>,
  current: object,
  context: ValidationContext,
): void {
  keepIn(tree.children, replacement, current, context);
  for (const { schema } of tree.type.schemaExtensions) {
    const children = tree.extensions.get(schema.id)?.children;
    if (children !== undefined) keepWithin(children, schema.id, replacement, current, context);
  }
}

function keepIn(
  children: Children,
  replacement: Record<string, unknown>,
  current: object,
  context: ValidationContext,
): void {
  for (const node of children.all) {
    if (node.attribute.mutability === "immutable") keep(node, replacement, current, context);
    else if (node.attribute.type === "complex" && !node.attribute.multiValued) {
      keepWithin(node.children, node.name, replacement, current, context);
    }
  }
}

/** The same inside a complex attribute or an extension. */
function keepWithin(
  children: Children,
  name: string,
  replacement: Record<string, unknown>,
  current: object,
  context: ValidationContext,
): void {
  const before = ownValue(current, name);
  if (!isJsonObject(before)) return;
  const after = ownValue(replacement, name);
  const kept: Record<string, unknown> = isJsonObject(after) ? { ...after } : {};
  keepIn(children, kept, before, context);
  if (Object.keys(kept).length > 0) replacement[name] = kept;
}

function keep(
  node: AttributeNode,
  replacement: Record<string, unknown>,
  current: object,
  context: ValidationContext,
): void {
  const before = ownValue(current, node.name);
  if (before === undefined) return;
  const after = ownValue(replacement, node.name);
  if (after === undefined) replacement[node.name] = before;
  else if (!matches(node, before, after)) {
    context.refuse(node.path, "it is immutable, and has another value (RFC 7644 §3.5.1).");
  }
}
