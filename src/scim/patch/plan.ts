import type { Rewrite, ScimProfile } from "../profile.js";
import type { AttributeNode, ExtensionNode } from "../schema/attribute-tree.js";
import type { ResourceType } from "../schema/resource-type.js";
import type { Ignored } from "../schema/validation-context.js";
import type { PatchLimits } from "./read-operations.js";
import type { Selection } from "./target.js";

/**
 * What a PATCH comes to: its operations, resolved against the schemas of a resource type, with their values read. Made
 * by `planPatch`; `applyPatch` applies it to a resource, and `modificationOf` makes a modification of it for a store.
 */
export interface PatchPlan<T extends ResourceType = ResourceType> {
  /** The resource type that it was planned for. */
  readonly type: T;
  /** What to do, in this order. */
  readonly steps: readonly PatchStep[];
  /** The paths of the attributes that the operations name, as the schemas spell them. For `project`, `stated`. */
  readonly stated: readonly string[];
  /** What was ignored, by the index of the operation. */
  readonly ignored: readonly Ignored[];
  /** What the profile made of operations that are not as the RFC has them. */
  readonly rewrites: readonly Rewrite[];
  /** How many comparisons the steps may make with the values of a resource. See `PatchLimits.comparisons`. */
  readonly maxComparisons: number;
  /** What this PATCH and others may compare together; absent where it is alone. */
  readonly budget?: PatchBudget;
  /** The password to set, or null to take it away. It is in no step, and so in no change set, digest or report. */
  readonly password?: string | null;
}

/** What several PATCHes of one request may compare together. */
export interface PatchBudget {
  /** How many comparisons are left. */
  left: number;
  /** Whether a PATCH has been applied: the first operation on each list is free in the first one alone. */
  isBegun: boolean;
}

/** How a PATCH is read. */
export interface PlanPatchOptions {
  /** How far the operations may be from RFC 7644. Default: `rfc7644Profile`, not at all. */
  readonly profile?: ScimProfile | undefined;
  /** Whether values are refused that are not among the canonical ones, where there are any. Default: false. */
  readonly strict?: boolean | undefined;
  /** How large the PATCH may be. Default: see {@link PatchLimits}. */
  readonly limits?: PatchLimits | undefined;
  /**
   * What several PATCHes may compare together, such as those of one bulk request. Default: each has
   * `limits.comparisons`.
   */
  readonly budget?: PatchBudget | undefined;
}

/** Sub-attributes and their values; `undefined` takes the value away. */
export type Entries = readonly (readonly [AttributeNode, unknown])[];

/** One thing to do to a resource. */
export type PatchStep =
  /** Give an attribute this value, or none; of a multi-valued attribute, these values and no others. */
  | { readonly kind: "assign"; readonly node: AttributeNode; readonly value: unknown }
  /** Give sub-attributes of a complex attribute with one value these values, and leave the others. */
  | { readonly kind: "merge"; readonly node: AttributeNode; readonly entries: Entries }
  /** Add values to a multi-valued attribute. One that is there already is not added again. */
  | { readonly kind: "append"; readonly node: AttributeNode; readonly values: readonly unknown[] }
  /** Remove the selected values. */
  | { readonly kind: "removeValues"; readonly node: AttributeNode; readonly selection: Selection }
  /** Change the selected values, or all. */
  | EditStep
  /** Take an extension away, or, if a Standard Schema reads it, merge this into it. */
  | { readonly kind: "extension"; readonly extension: ExtensionNode; readonly value: unknown };

/** Change the selected values of a multi-valued attribute, or all of them. */
export interface EditStep {
  /** Which kind of step it is. */
  readonly kind: "edit";
  /** The multi-valued attribute. */
  readonly node: AttributeNode;
  /** Which of its values. Default: all. */
  readonly selection?: Selection;
  /** The sub-attributes to change, or the whole value to put in the place of each. */
  readonly change: { readonly entries: Entries } | { readonly whole: unknown };
  /** What if there is no such value: nothing, an error, or a new value of what the filter says and the change. */
  readonly whenNone: "nothing" | "noTarget" | "add";
}
