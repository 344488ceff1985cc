import { type AttributeNode, attributeTree, ownValue } from "../schema/attribute-tree.js";
import { isSame } from "../schema/same-value.js";
import { applyStep } from "./apply-patch.js";
import { MemberChangeSet, type MemberChanges, membersIn, membersNode } from "./member-changes.js";
import { PatchedResource } from "./patched-resource.js";
import type { PatchPlan, PatchStep } from "./plan.js";

/** What a PATCH changes of a resource: the form in which a repository takes it. */
export interface PatchChanges<N> {
  /** Attributes to give these values, whole. */
  readonly set?: Partial<N>;
  /** Attributes to clear. */
  readonly unset?: readonly (keyof N & string)[];
  /** Changes of what is stored beside the resource. */
  readonly relations?: { readonly members?: MemberChanges };
}

/** A change that needs nothing to be read, or one that is computed from the attributes that it `reads`. */
export type PatchModification<T, N> =
  | PatchChanges<N>
  | { readonly reads: readonly string[]; plan(current: T): PatchChanges<N> };

/**
 * Makes one modification for a repository of a PATCH. It changes the attributes that the operations name and no others, so
 * nothing is lost that was not read, or that responses never hold.
 *
 * It needs the current resource only where the outcome depends on it: to merge into a complex attribute or an extension, to add
 * to a list, to select by a filter, and for what is immutable. Members of a group that are added, that are removed by their
 * `value`, or that take the place of all others, never need it; `display` and `$ref` of a member are not kept, since they describe
 * another resource.
 *
 * The password is not in it: see `PatchPlan.password`.
 *
 * @throws {InvalidValueError} a member is neither a user nor a group.
 */
export function modificationOf<T extends object, N>(plan: PatchPlan): PatchModification<T, N> {
  const tree = attributeTree(plan.type);
  const members = membersNode(tree);
  const [ofMembers, ofAttributes] = split(plan.steps, members);
  const changes = new MemberChangeSet();
  const areMembersBlind = ofMembers.every((step) => changes.take(step));
  const memberChanges = areMembersBlind ? changes.end() : undefined;
  if (areMembersBlind && ofAttributes.every(isBlind)) {
    return changesOf<N>(blindValues(ofAttributes), memberChanges);
  }
  const names = [...new Set(ofAttributes.map(topName))];
  return {
    reads: members !== undefined && !areMembersBlind ? [...names, members.name] : names,
    plan: (current) => {
      const patched = new PatchedResource(tree, current);
      for (const step of areMembersBlind ? ofAttributes : plan.steps) applyStep(patched, step);
      const next = patched.end();
      const changed = names
        .map((name) => [name, ownValue(next, name)] as const)
        .filter(([name, value]) => !isSame(ownValue(current, name), value));
      const comeAndGo =
        areMembersBlind || members === undefined
          ? memberChanges
          : difference(ownValue(current, members.name), ownValue(next, members.name));
      return changesOf<N>(new Map(changed), comeAndGo);
    },
  };
}

/** The steps that are about members, and the others. */
function split(
  steps: readonly PatchStep[],
  members: AttributeNode | undefined,
): readonly [readonly PatchStep[], readonly PatchStep[]] {
  const isAboutMembers = (step: PatchStep): boolean =>
    step.kind !== "extension" && step.node === members;
  return [steps.filter(isAboutMembers), steps.filter((step) => !isAboutMembers(step))];
}

/** Whether the outcome of a step is the same whatever the resource is. */
function isBlind(step: PatchStep): boolean {
  switch (step.kind) {
    case "assign":
      return step.node.extension === undefined && step.node.attribute.mutability !== "immutable";
    case "extension":
      return (
        step.value === undefined &&
        step.extension.children.all.every(({ attribute }) => attribute.mutability !== "immutable")
      );
    default:
      return false;
  }
}

/** The values after steps that are blind, by the names of the attributes. */
function blindValues(steps: readonly PatchStep[]): ReadonlyMap<string, unknown> {
  return new Map(
    steps.map((step) => [topName(step), step.kind === "assign" ? step.value : undefined]),
  );
}

/** The name under which a resource holds what a step changes. */
function topName(step: PatchStep): string {
  if (step.kind === "extension") return step.extension.path;
  return step.node.extension ?? step.node.name;
}

function changesOf<N>(
  values: ReadonlyMap<string, unknown>,
  members: MemberChanges | undefined,
): PatchChanges<N> {
  const set = [...values].filter(([, value]) => value !== undefined);
  const unset = [...values].filter(([, value]) => value === undefined).map(([name]) => name);
  return {
    // The schemas have said that these are attributes of the type; the compiler cannot follow names that are data.
    ...(set.length > 0 && { set: Object.fromEntries(set) as Partial<N> }),
    ...(unset.length > 0 && { unset: unset as (keyof N & string)[] }),
    ...(members !== undefined && { relations: { members } }),
  };
}

/** Who came and who went between two lists of members. */
function difference(before: unknown, after: unknown): MemberChanges | undefined {
  const changes = new MemberChangeSet();
  const names = (list: unknown): Map<string, ReturnType<typeof membersIn>[number]> =>
    new Map(membersIn(list).map((member) => [JSON.stringify([member.value, member.type]), member]));
  const [were, are] = [names(before), names(after)];
  for (const [name, member] of were) if (!are.has(name)) changes.remove(member);
  for (const [name, member] of are) if (!were.has(name)) changes.add(member);
  return changes.end();
}
