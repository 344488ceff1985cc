import { applyChangeSet, type MembersChange } from "concordat/repositories";
import {
  type Group,
  type GroupMember,
  modificationOf,
  type NewGroup,
  type PatchPlan,
} from "concordat/scim";
import { changeSetFor } from "../../../src/repositories/internal.js";

type Member = Pick<GroupMember, "value" | "type">;

/**
 * A resource as a store has it after the modification that is made of a plan. The store knows the members by id and
 * type only.
 */
export function changedBy(plan: PatchPlan, resource: object): object {
  // A user will do as well: what a plan changes is data.
  const before = resource as Group;
  const modification = modificationOf<Group, NewGroup>(plan);
  const changes = changeSetFor(modification, before);
  const { relations } = changes;
  const after: Record<string, unknown> = { ...applyChangeSet(plan.type, before, changes) };
  if (relations?.members === undefined) return after;
  const members = membersAfter(before, relations.members);
  if (members.length === 0) delete after["members"];
  else after["members"] = members;
  return after;
}

function membersAfter(
  { members = [] }: { readonly members?: readonly Member[] },
  { clear = false, remove = [], add = [] }: MembersChange,
): readonly Member[] {
  const stays = (member: Member): boolean =>
    !clear &&
    !remove.some(
      ({ value, type }) =>
        value === member.value && (type === undefined || type === (member.type ?? "User")),
    );
  const kept = members.filter(stays);
  const isNew = (member: Member): boolean =>
    !kept.some(
      ({ value, type = "User" }) => value === member.value && type === (member.type ?? "User"),
    );
  return [...kept, ...add.filter(isNew)];
}
