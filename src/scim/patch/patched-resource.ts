import { TooManyError } from "../../core/index.js";
import { rfc7644Profile } from "../profile.js";
import {
  type AttributeNode,
  type AttributeTree,
  type ExtensionNode,
  ownValue,
} from "../schema/attribute-tree.js";
import { readExtension } from "../schema/read-extension.js";
import { rulesOf, schemasOf } from "../schema/read-resource.js";
import { isJsonObject, type JsonObject } from "../schema/read-value.js";
import { isSame } from "../schema/same-value.js";
import { ValidationContext } from "../schema/validation-context.js";
import { assertRequired, checkChange } from "./check-change.js";
import { GrowingList } from "./growing-list.js";
import type { PatchBudget, PatchPlan } from "./plan.js";

/** What it costs to find the index of a value, beside what it costs to compare one. */
const placing = 10;

/** What of a plan says how much it may compare. */
type Comparing = Pick<PatchPlan, "maxComparisons" | "budget">;

/** A resource that is being patched. What changes is copied; the resource that it began with stays as it is. */
export class PatchedResource {
  readonly #tree: AttributeTree;
  readonly #before: object;
  readonly #resource: Record<string, unknown>;
  /** Complex attributes and extensions in which something was set. */
  readonly #touched: Set<AttributeNode | ExtensionNode> = new Set();
  /** Lists to which values are being added, which are not in the resource yet. */
  readonly #growing: Map<AttributeNode, GrowingList> = new Map();
  /** Lists of which every value was looked at. */
  readonly #searched: Set<AttributeNode> = new Set();
  readonly #maxComparisons: number;
  readonly #budget: PatchBudget;
  readonly #isFirst: boolean;
  #isChanged = false;

  /** @param plan See `PatchLimits.comparisons`. */
  constructor(
    tree: AttributeTree,
    resource: object,
    { maxComparisons, budget = { left: maxComparisons, isBegun: false } }: Comparing,
  ) {
    this.#tree = tree;
    this.#maxComparisons = maxComparisons;
    this.#budget = budget;
    this.#isFirst = !budget.isBegun;
    budget.isBegun = true;
    this.#before = resource;
    this.#resource = { ...resource };
  }

  /** The value of an attribute; of a multi-valued one, the list. */
  get(node: AttributeNode): unknown {
    this.#settle(node);
    const { extension, name } = node;
    const container = extension === undefined ? this.#resource : this.extension(extension);
    return ownValue(container, name) ?? undefined;
  }

  /** The object under the URI of an extension, which may not be there. */
  extension(uri: string): JsonObject | undefined {
    for (const node of this.#growing.keys()) if (node.extension === uri) this.#settle(node);
    const value = ownValue(this.#resource, uri);
    return isJsonObject(value) ? value : undefined;
  }

  /**
   * The values of a multi-valued attribute, of which an operation makes so many comparisons each.
   *
   * @throws {TooManyError} all operations together make too many.
   */
  search(node: AttributeNode, comparisons: number): readonly unknown[] {
    const value = this.get(node);
    const list: readonly unknown[] = Array.isArray(value) ? value : [];
    const isFree = this.#isFirst && !this.#searched.has(node);
    if (!isFree) this.#budget.left -= list.length * comparisons;
    this.#searched.add(node);
    if (this.#budget.left < 0) {
      throw new TooManyError(
        `The operations of a PATCH make at most ${this.#maxComparisons} comparisons.`,
        this.#maxComparisons,
      );
    }
    return list;
  }

  /**
   * Adds values to a multi-valued attribute, as {@link GrowingList} does.
   *
   * @throws {MutabilityError} the attribute is immutable and has other values, or what is immutable in a value would
   * change.
   * @throws {TooManyError} see {@link search}.
   */
  add(node: AttributeNode, values: readonly unknown[]): void {
    const growing = this.#growing.get(node) ?? new GrowingList(node, this.search(node, placing));
    growing.add(values);
    this.#growing.set(node, growing);
    // What is immutable is compared at each operation.
    if (node.attribute.mutability === "immutable") this.#settle(node);
  }

  /**
   * Gives an attribute a value, or none.
   *
   * @throws {MutabilityError} the attribute is immutable and has another value, or is required and would have none.
   */
  set(node: AttributeNode, value: unknown): void {
    const before = this.get(node);
    const after = isEmpty(value) ? undefined : value;
    if (isSame(before, after)) return;
    checkChange(node, before, after);
    const { extension, name } = node;
    if (after !== undefined && node.children.required.length > 0) this.#touched.add(node);
    if (extension === undefined) {
      this.#put(name, after);
      return;
    }
    const { [name]: _, ...others } = this.extension(extension) ?? {};
    const next = after === undefined ? others : { ...others, [name]: after };
    this.setExtension(extension, next);
  }

  /** Puts an object, or nothing, under the URI of an extension. */
  setExtension(uri: string, value: JsonObject | undefined): void {
    const extension = this.#tree.extensions.get(uri);
    if (extension !== undefined) this.#touched.add(extension);
    this.#put(uri, isEmpty(value) ? undefined : value);
  }

  /**
   * The resource as it has become; the one that it began with if nothing changed.
   *
   * @throws {InvalidValueError} something that is required is not there.
   */
  end(): object {
    for (const node of this.#growing.keys()) this.#settle(node);
    for (const node of this.#touched) {
      if ("schema" in node) this.#endExtension(node);
      else if (!node.attribute.multiValued) assertRequired(node.children, this.get(node));
    }
    if (!this.#isChanged) return this.#before;
    if (Object.hasOwn(this.#resource, "schemas")) {
      this.#resource["schemas"] = schemasOf(this.#tree, this.#resource);
    }
    return this.#resource;
  }

  #settle(node: AttributeNode): void {
    const growing = this.#growing.get(node);
    if (growing === undefined) return;
    this.#growing.delete(node);
    this.set(node, growing.values);
  }

  #endExtension(extension: ExtensionNode): void {
    const { path, schema, children } = extension;
    const value = this.extension(path);
    if (value === undefined) return;
    if (schema.standard === undefined) {
      assertRequired(children, value);
      return;
    }
    const context = new ValidationContext({
      ...rulesOf({ profile: rfc7644Profile }),
      readOnly: "read",
      isResponse: false,
      checksRequired: true,
    });
    this.#put(path, readExtension(extension, value, context));
    context.end();
  }

  #put(name: string, value: unknown): void {
    if (isSame(ownValue(this.#resource, name), value)) return;
    this.#isChanged = true;
    if (value === undefined) delete this.#resource[name];
    else this.#resource[name] = value;
  }
}

/** Whether a value is none. RFC 7643 §2.5. */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}
