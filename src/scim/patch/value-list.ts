import { InvalidValueError } from "../../core/index.js";
import type { BoundFilter } from "../filter/bound-filter.js";
import { compileValuePath } from "../filter/compile.js";
import { type AttributeNode, ownValue } from "../schema/attribute-tree.js";
import { isJsonObject, type JsonObject } from "../schema/read-value.js";
import { isSame } from "../schema/same-value.js";
import { checkChange } from "./check-change.js";
import type { Entries } from "./plan.js";
import type { Selection } from "./target.js";
import { keyTest } from "./value-identity.js";

/** A value with what another of the same name says of it; its own spelling of what it is known by stays. */
export function merged(node: AttributeNode, value: unknown, other: unknown): unknown {
  if (!isJsonObject(value) || !isJsonObject(other)) return value;
  if (ownValue(value, "value") === undefined) return value;
  const { value: _, type: __, ...rest } = other;
  const entries = Object.entries(rest).flatMap(([name, given]): Entries => {
    const sub = node.children.byName.get(name);
    return sub === undefined ? [] : [[sub, given]];
  });
  return withEntries(value, entries);
}

/** An object with sub-attributes changed; the same object if nothing changes. */
export function withEntries(value: JsonObject, entries: Entries): JsonObject {
  const next: Record<string, unknown> = { ...value };
  for (const [sub, given] of entries) {
    const before = ownValue(value, sub.name) ?? undefined;
    if (isSame(before, given)) continue;
    checkChange(sub, before, given);
    if (given === undefined) delete next[sub.name];
    else next[sub.name] = given;
  }
  return isSame(value, next) ? value : next;
}

export function isPrimary(value: unknown): boolean {
  return isJsonObject(value) && ownValue(value, "primary") === true;
}

/** A list of which one value is the primary one, and no other. RFC 7644 §3.5.2. */
function withPrimary(list: readonly unknown[], primary: number): readonly unknown[] {
  return list.map((value, place) =>
    place !== primary && isJsonObject(value) && isPrimary(value)
      ? { ...value, primary: false }
      : value,
  );
}

/**
 * The list after some of its values have changed, of which one may have become the primary one.
 *
 * @throws {InvalidValueError} more than one became it.
 */
export function withChanged(
  node: AttributeNode,
  list: readonly unknown[],
  changed: ReadonlySet<number>,
): readonly unknown[] {
  const primaries = [...changed].filter((place) => isPrimary(list[place]));
  const [primary, ...others] = primaries;
  if (primary === undefined) return list;
  if (others.length > 0) {
    throw new InvalidValueError(
      `${node.path}.primary`,
      "no more than one value is primary (RFC 7643 §2.4).",
    );
  }
  return withPrimary(list, primary);
}

/** A function that says whether a value of a list is selected. Without a selection, every value is. */
export function selector(
  node: AttributeNode,
  selection: Selection | undefined,
): (value: unknown) => boolean {
  if (selection === undefined) return () => true;
  const { filter, keys = [] } = selection;
  if (filter !== undefined) {
    const matches = compileValuePath(filter);
    return (value) => isJsonObject(value) && matches(value);
  }
  return keyTest(node, keys);
}

/** How many comparisons a selection makes with each value. */
export function comparisonsOf(selection: Selection | undefined): number {
  return selection?.filter === undefined ? 1 : comparisonsIn(selection.filter);
}

function comparisonsIn(filter: BoundFilter): number {
  switch (filter.operator) {
    case "and":
    case "or":
      return filter.filters.reduce((sum, part) => sum + comparisonsIn(part), 0);
    case "not":
    case "valuePath":
      return comparisonsIn(filter.filter);
    default:
      return 1;
  }
}
