import { attributeTree, ownValue } from "../schema/attribute-tree.js";
import { isJsonObject, type JsonObject, labels } from "../schema/read-value.js";
import { assertRequired, checkChange } from "./check-change.js";
import { NoTargetError } from "./errors.js";
import { isEmpty, PatchedResource } from "./patched-resource.js";
import type { EditStep, PatchPlan, PatchStep } from "./plan.js";
import { isReference } from "./value-identity.js";
import { comparisonsOf, selector, withChanged, withEntries } from "./value-list.js";

/**
 * Applies a PATCH to a resource. RFC 7644 §3.5.2.
 *
 * @param resource The resource, with every attribute that the plan names and the resource has. It is left as it is.
 * @returns The resource as it becomes; `resource` itself if the operations change nothing, so that no caller sees a
 * change
 *   that is none (RFC 7644 §3.5.2.1).
 * @throws {NoTargetError} a filter of a replacement selects nothing.
 * @throws {MutabilityError} an attribute is immutable and has another value, or is required and would have none.
 * @throws {InvalidValueError} more than one value would be primary, or something that is required is not there at the
 * end.
 * @throws {TooManyError} the operations make more comparisons than the limit.
 */
export function applyPatch<R extends object>(plan: PatchPlan, resource: R): R {
  const patched = new PatchedResource(attributeTree(plan.type), resource, plan);
  for (const step of plan.steps) applyStep(patched, step);
  // The compiler cannot follow names that are data; the schemas have said that it is a resource of the type.
  return patched.end() as R;
}

/** Applies one step. */
export function applyStep(patched: PatchedResource, step: PatchStep): void {
  switch (step.kind) {
    case "assign":
      patched.set(step.node, step.value);
      return;
    case "merge":
      patched.set(step.node, mergedObject(step, patched.get(step.node)));
      return;
    case "append":
      patched.add(step.node, step.values);
      return;
    case "removeValues": {
      const isSelected = selector(step.node, step.selection);
      const list = patched.search(step.node, comparisonsOf(step.selection));
      const rest = list.filter((value) => !isSelected(value));
      if (rest.length < list.length) patched.set(step.node, rest);
      return;
    }
    case "edit":
      edit(patched, step);
      return;
    case "extension":
      extend(patched, step);
      return;
  }
}

/**
 * A complex attribute with some sub-attributes changed. If it refers to a resource and comes to refer to another one,
 * what it said of the first is gone; if it refers to none any more, so is all of it.
 */
function mergedObject(
  { node, entries }: Extract<PatchStep, { readonly kind: "merge" }>,
  value: unknown,
): JsonObject {
  const before = isJsonObject(value) ? value : {};
  const after = withEntries(before, entries);
  if (!isReference(node)) return after;
  const target = ownValue(after, "value");
  if (target === ownValue(before, "value")) return after;
  if (target === undefined && Object.hasOwn(before, "value")) return {};
  const stated = new Set(entries.map(([{ name }]) => name));
  return Object.fromEntries(Object.entries(after).filter(([name]) => stated.has(name)));
}

function edit(patched: PatchedResource, step: EditStep): void {
  const { node, selection, change, whenNone } = step;
  const list = patched.search(node, comparisonsOf(selection));
  const isSelected = selector(node, selection);
  const changed = new Set<number>();
  const next = list.map((value, index) => {
    if (!isSelected(value)) return value;
    changed.add(index);
    return changedValue(value, change);
  });
  if (changed.size === 0) {
    if (whenNone === "nothing") return;
    const added = whenNone === "add" ? addedValue(step) : undefined;
    if (added === undefined) {
      throw new NoTargetError(`No value of "${node.path}" is what the path selects.`, {
        path: node.path,
      });
    }
    assertRequired(node.children, added);
    patched.add(node, [added]);
    return;
  }
  const result = withChanged(node, next, changed);
  patched.set(
    node,
    result.filter((value) => value !== undefined && !isEmpty(value)),
  );
}

function changedValue(value: unknown, change: EditStep["change"]): unknown {
  if ("whole" in change) return change.whole;
  if (!isJsonObject(value)) return value;
  const after = withEntries(value, change.entries);
  const hasLess = Object.keys(value).some((name) => !Object.hasOwn(after, name));
  return hasLess && Object.keys(after).every((name) => labels.has(name)) ? undefined : after;
}

/**
 * The value that a filter of equalities asks for, changed as it is to be; nothing if the change takes something away.
 */
function addedValue({ selection, change }: EditStep): JsonObject | undefined {
  const equalities = selection?.equalities ?? {};
  if ("entries" in change) {
    return change.entries.every(([, value]) => value === undefined)
      ? undefined
      : withEntries(equalities, change.entries);
  }
  return isJsonObject(change.whole) ? { ...equalities, ...change.whole } : undefined;
}

function extend(
  patched: PatchedResource,
  { extension, value }: Extract<PatchStep, { readonly kind: "extension" }>,
): void {
  const { path, children } = extension;
  const before = patched.extension(path);
  if (isJsonObject(value)) {
    patched.setExtension(path, { ...before, ...value });
    return;
  }
  // What is required in an extension is so only while there is an extension; what is immutable stays.
  for (const child of children.all) {
    if (child.attribute.mutability === "immutable") {
      checkChange(child, ownValue(before, child.name), undefined);
    }
  }
  patched.setExtension(path, undefined);
}
