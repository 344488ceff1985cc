import { type AttributeNode, attributeTree, ownValue } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import { isSame } from "../schema/same-value.js";
import { applyStep } from "./apply-patch.js";
import { ChangedPaths, isBlind } from "./changed-paths.js";
import { MemberChangeSet, type MemberChanges, membersIn, membersNode } from "./member-changes.js";
import { PatchedResource } from "./patched-resource.js";
import type { PatchPlan, PatchStep } from "./plan.js";

/** What a PATCH changes of a resource: the form in which a repository takes it. No path in it is within another. */
export interface PatchChanges<N> {
  /** Attributes to give these values, whole; and sub-attributes and attributes of extensions, by their paths. */
  readonly set?: {
    readonly [K in Exclude<keyof N, "password">]?: N[K];
  } & { readonly [path in `${string}.${string}` | `${string}:${string}`]?: unknown };
  /** The paths of what is to be cleared. */
  readonly unset?: readonly string[];
  /** Changes of what is stored beside the resource. */
  readonly relations?: { readonly members?: MemberChanges };
}

/** A change that needs nothing to be read, or one that is computed from the attributes that it `reads`. */
export type PatchModification<T, N> =
  | PatchChanges<N>
  | {
      /** The attributes that the plan depends on. */
      readonly reads: readonly string[];
      /** What is to be changed, given the resource as it is. It may be called again after a conflict. */
      plan(current: T): PatchChanges<N>;
    };

/**
 * Makes one modification for a repository of a PATCH. It changes the attributes that the operations name and no others,
 * so nothing is lost that was not read, or that responses never hold.
 *
 * It needs the current resource only where the outcome depends on it: to add to a list, to select by a filter, where a
 * reference such as the manager changes, where something is immutable, and where something required has to be there.
 * Members of a group that are added, that are removed by their `value`, or that take the place of all others, never
 * need it; `display` and `$ref` of a member are not kept, since they describe another resource.
 *
 * The password is not in it: see `PatchPlan.password`.
 *
 * @throws {InvalidValueError} a member is neither a user nor a group.
 */
export function modificationOf<T extends object, N>(plan: PatchPlan): PatchModification<T, N> {
  const tree = attributeTree(plan.type);
  const members = membersNode(tree);
  const [ofMembers, ofAttributes] = split(plan.steps, members);
  const comeAndGo = new MemberChangeSet();
  const areMembersBlind = ofMembers.every((step) => comeAndGo.take(step));
  const memberChanges = areMembersBlind ? comeAndGo.end() : undefined;
  if (areMembersBlind && ofAttributes.every((step) => isBlind(tree, step))) {
    const changed = new ChangedPaths();
    for (const step of ofAttributes) changed.take(step);
    return changesOf<N>(changed.values(), memberChanges);
  }
  const places = placesOf(ofAttributes);
  const names = places.map(([path]) => path);
  return {
    reads: members === undefined || areMembersBlind ? names : [...names, members.name],
    plan: (current) => {
      const patched = new PatchedResource(tree, current, plan);
      for (const step of areMembersBlind ? ofAttributes : plan.steps) applyStep(patched, step);
      const next = patched.end();
      const values = places
        .map(([path, chain]) => [path, valueAt(current, chain), valueAt(next, chain)] as const)
        .filter(([, before, after]) => !isSame(before, after))
        .map(([path, , after]) => [path, after] as const);
      return changesOf<N>(
        new Map(values),
        members === undefined || areMembersBlind
          ? memberChanges
          : difference(ownValue(current, members.name), ownValue(next, members.name)),
      );
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

/** Where in a resource the steps change something: by path, the names that lead there. */
function placesOf(steps: readonly PatchStep[]): readonly (readonly [string, readonly string[]])[] {
  const places = new Map<string, readonly string[]>();
  const wholes = new Set<string>();
  for (const step of steps) {
    if (step.kind === "extension") wholes.add(step.extension.path);
    else {
      const { path, name, extension } = step.node;
      places.set(path, extension === undefined ? [name] : [extension, name]);
    }
  }
  // What is part of an extension that changes as a whole is in the whole.
  const parts = [...places].filter(([, [first = ""]]) => !wholes.has(first));
  return [...parts, ...Array.from(wholes, (path) => [path, [path]] as const)];
}

function valueAt(resource: object, chain: readonly string[]): unknown {
  let value: unknown = resource;
  for (const name of chain) value = isJsonObject(value) ? ownValue(value, name) : undefined;
  return value;
}

function changesOf<N>(
  values: ReadonlyMap<string, unknown>,
  members: MemberChanges | undefined,
): PatchChanges<N> {
  const set = [...values].filter(([, value]) => value !== undefined);
  const unset = [...values].filter(([, value]) => value === undefined).map(([path]) => path);
  return {
    // The schemas have said that these are attributes of the type; the compiler cannot follow names that are data.
    ...(set.length > 0 && {
      set: Object.fromEntries(set) as NonNullable<PatchChanges<N>["set"]>,
    }),
    ...(unset.length > 0 && { unset }),
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
