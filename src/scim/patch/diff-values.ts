import { and, eq } from "../filter/build.js";
import { printPatchPath } from "../filter/print.js";
import type { PatchOperation } from "../message/patch-op.js";
import { type AttributeNode, ownValue } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import { isSame } from "../schema/same-value.js";
import { GrowingList } from "./growing-list.js";
import type { ValueKey } from "./target.js";
import { isReference, keyTest, ValueIndexes } from "./value-identity.js";

/**
 * The smallest operations that make one list of another: removals of some values and an addition of others, or a
 * replacement of all.
 *
 * References, such as `members`, come and go by their `value` and `type`, in any order, and are never replaced as a
 * whole, since others may have come or gone meanwhile.
 */
export function diffValues(
  node: AttributeNode,
  from: readonly unknown[],
  to: readonly unknown[],
): readonly PatchOperation[] {
  const { path } = node;
  if (isReference(node)) {
    const gone = missing(node, from, to);
    return operations(node, gone.map(keyOf), missing(node, to, from));
  }
  const whole: PatchOperation = { op: "replace", path, value: to };
  // What is compared has its sub-attributes in the order of the schema, so equal values are equal as text.
  const stays = new Set(to.map((value) => JSON.stringify(value)));
  const [kept, gone] = [true, false].map((isKept) =>
    from.filter((value) => stays.has(JSON.stringify(value)) === isKept),
  ) as [unknown[], unknown[]];
  const keys = gone.map(keyOf);
  if (keys.some((key) => key === undefined)) return [whole];
  const more = to.slice(kept.length);
  const isGone = keyTest(
    node,
    keys.filter((key) => key !== undefined),
  );
  const outcome = new GrowingList(
    node,
    from.filter((value) => !isGone(value)),
  );
  outcome.add(more);
  const parts = operations(node, keys, more);
  const isSmaller = JSON.stringify(parts).length <= JSON.stringify([whole]).length;
  return isSmaller && isSame(outcome.values, to) ? parts : [whole];
}

function operations(
  { path, extension, name }: AttributeNode,
  gone: readonly (ValueKey | undefined)[],
  more: readonly unknown[],
): readonly PatchOperation[] {
  const attribute = { ...(extension !== undefined && { schema: extension }), attribute: name };
  const removals = gone.flatMap((key): readonly PatchOperation[] => {
    if (key === undefined || !isComparable(key.value)) return [];
    const filter = eq("value", key.value);
    const selected = key.type === undefined ? filter : and(filter, eq("type", key.type));
    return [{ op: "remove", path: printPatchPath({ path: attribute, filter: selected }) }];
  });
  return more.length === 0 ? removals : [...removals, { op: "add", path, value: more }];
}

/** The values of one list that are not in the other. */
function missing(
  node: AttributeNode,
  list: readonly unknown[],
  other: readonly unknown[],
): readonly unknown[] {
  const indexes = new ValueIndexes(node, other);
  return list.filter((value) => indexes.find(value) === undefined);
}

/** What names a value in a filter; nothing if it has no `value`, or one that no filter compares. */
function keyOf(value: unknown): ValueKey | undefined {
  if (!isJsonObject(value)) return isComparable(value) ? { value } : undefined;
  const key = ownValue(value, "value");
  if (!isComparable(key)) return undefined;
  const type = typeOf(value);
  return type === undefined ? { value: key } : { value: key, type };
}

function typeOf(value: unknown): string | undefined {
  const type = isJsonObject(value) ? ownValue(value, "type") : undefined;
  return typeof type === "string" ? type : undefined;
}

function isComparable(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
