import { applyChangeSet, type ChangeSet, type MembersChange } from "../repositories/index.js";
import type { Group, NewGroup, PatchOperation, Resource, ResourceType } from "../scim/index.js";
import { attributeOperations, memberOperations } from "./change-operations.js";
import { isMeant, membersOf, withMembersChanged } from "./members.js";

/** What changes of resources of a type come to. */
export interface ResourceChange<T, N> {
  /** The operations of a PATCH; several lists, in their order, where they are too many for one. */
  partsOf(changes: ChangeSet<N>): readonly (readonly PatchOperation[])[];
  /**
   * The same in simpler words, for a service provider that did not understand, where there are any.
   *
   * @param read Reads the resource, with the attributes of `reads`.
   */
  simpler?(
    changes: ChangeSet<N>,
    read: () => Promise<T>,
  ): Promise<readonly (readonly PatchOperation[])[] | undefined>;
  /** The resource as it is afterwards. */
  applied(current: T, changes: ChangeSet<N>): T;
  /** The attributes that have to be read, since a PUT without them would take them away. */
  readonly reads: readonly string[];
}

/** The changes of resources that are nothing but attributes. */
export function attributesOnly<T extends Resource, N>(type: ResourceType): ResourceChange<T, N> {
  return {
    reads: [],
    partsOf: (changes) => notEmpty([attributeOperations(type, changes)]),
    applied: (current, changes) => applyChangeSet(type, current, changes),
  };
}

/** The changes of groups, whose members are among the attributes at a service provider. */
export function groupChange(type: ResourceType): ResourceChange<Group, NewGroup> {
  const partsOf = ({ relations, ...changes }: ChangeSet<NewGroup>) => {
    const attributes = attributeOperations(type, changes);
    const [first = [], ...others] =
      relations?.members === undefined ? [] : memberOperations(relations.members);
    return notEmpty([[...attributes, ...first], ...others]);
  };
  return {
    reads: ["members"],
    partsOf,
    simpler: async ({ relations, ...changes }, read) => {
      if (relations?.members?.remove === undefined) return undefined;
      const members = simplerRemovals(await read(), relations.members);
      return partsOf({ ...changes, relations: { members } });
    },
    applied: (current, { relations, ...changes }) => {
      const next = applyChangeSet(type, current, changes);
      if (relations?.members === undefined) return next;
      return { ...next, members: withMembersChanged(membersOf(next), relations.members) };
    },
  };
}

/**
 * A change that takes away only who is there, and states a type only where two members have one id: some service providers refuse to
 * take away who is not there (RFC 7644 §3.12, `noTarget`), and some know no filters but `value eq`.
 */
function simplerRemovals(group: Group, change: MembersChange): MembersChange {
  const all = membersOf(group);
  const { remove = [] } = change;
  const leaving = all.filter((member) => remove.some((removed) => isMeant(member, removed)));
  const count = Map.groupBy(all, ({ value }) => value);
  return {
    ...change,
    remove: leaving.map(({ value, type }) =>
      (count.get(value)?.length ?? 0) > 1 ? { value, type } : { value },
    ),
  };
}

function notEmpty(
  parts: readonly (readonly PatchOperation[])[],
): readonly (readonly PatchOperation[])[] {
  return parts.filter(({ length }) => length > 0);
}
