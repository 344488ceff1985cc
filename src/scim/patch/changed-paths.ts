import { type AttributeNode, type AttributeTree, ownValue } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import type { PatchStep } from "./plan.js";
import { isReference } from "./value-identity.js";

/**
 * Whether the outcome of a step is the same whatever the resource is. It is not where something is immutable, where it
 * has to be looked whether what is required is there, and where a reference comes to mean another resource.
 */
export function isBlind(tree: AttributeTree, step: PatchStep): boolean {
  switch (step.kind) {
    case "assign":
      return isFree(step.node) && isFreely(tree, step.node);
    case "merge":
      return (
        isFree(step.node) &&
        isFreely(tree, step.node) &&
        !isReference(step.node) &&
        step.node.children.required.length === 0 &&
        step.entries.every(([sub]) => isFree(sub))
      );
    case "extension":
      return step.value === undefined && step.extension.children.all.every(isFree);
    default:
      return false;
  }
}

function isFree({ attribute }: AttributeNode): boolean {
  return attribute.mutability !== "immutable";
}

/** Whether an attribute can be set without a look at the rest of the extension that it belongs to. */
function isFreely({ extensions }: AttributeTree, { extension }: AttributeNode): boolean {
  const node = extension === undefined ? undefined : extensions.get(extension);
  return (
    node === undefined ||
    (node.schema.standard === undefined && node.children.required.length === 0)
  );
}

/** An attribute, or what it is part of, by its path and by its name within what it is part of. */
interface Link {
  readonly path: string;
  readonly name: string;
}

/** The values that blind steps come to, by path. No path is within another. */
export class ChangedPaths {
  readonly #changes: Map<string, { readonly chain: readonly Link[]; readonly value: unknown }> =
    new Map();

  /** Takes in what a blind step changes. */
  take(step: PatchStep): void {
    if (step.kind === "extension") {
      const { path } = step.extension;
      this.#put([{ path, name: path }], undefined);
    } else if (step.kind === "assign") this.#put(chainTo(step.node), step.value);
    else if (step.kind === "merge") {
      for (const [sub, value] of step.entries) this.#put([...chainTo(step.node), sub], value);
    }
  }

  /** The values by path; `undefined` takes a value away. */
  values(): ReadonlyMap<string, unknown> {
    return new Map(Array.from(this.#changes, ([path, { value }]) => [path, value]));
  }

  #put(chain: readonly Link[], value: unknown): void {
    // A part of what was changed as a whole changes that whole.
    for (const [depth, { path }] of chain.slice(0, -1).entries()) {
      const whole = this.#changes.get(path);
      if (whole === undefined) continue;
      const names = chain.slice(depth + 1).map(({ name }) => name);
      this.#changes.set(path, { ...whole, value: withPart(whole.value, names, value) });
      return;
    }
    const path = chain.at(-1)?.path ?? "";
    // A whole makes nothing of what was changed in it.
    for (const [other, change] of this.#changes) {
      if (change.chain.some((link) => link.path === path)) this.#changes.delete(other);
    }
    this.#changes.set(path, { chain, value });
  }
}

/** What leads from a resource to an attribute. */
function chainTo(node: AttributeNode): readonly Link[] {
  const { extension } = node;
  return extension === undefined ? [node] : [{ path: extension, name: extension }, node];
}

/** An object with a part of it changed; nothing if nothing is left of it. */
function withPart(
  whole: unknown,
  [name = "", ...inner]: readonly string[],
  value: unknown,
): unknown {
  const holder = isJsonObject(whole) ? whole : {};
  const part = inner.length === 0 ? value : withPart(ownValue(holder, name), inner, value);
  const { [name]: _, ...others } = holder;
  const next = part === undefined ? others : { ...others, [name]: part };
  return Object.keys(next).length === 0 ? undefined : next;
}
