import { NotFoundError } from "../../core/index.js";
import {
  type Grant,
  type GrantKey,
  type GroupRepository,
  isRefusal,
  type Link,
  type LinkedEntry,
  type MembersChange,
  type Membership,
  type MissingMembership,
  type Refusal,
  type SourceGrant,
  type WriteResult,
} from "../../repositories/index.js";
import { membershipKey, memberUri } from "../../repositories/internal.js";
import type { Subject } from "../outcome.js";
import { slices, subjectOf } from "../step/links.js";
import { type Step, savepoint } from "../step/step.js";
import { settlementOf } from "./reading-settlement.js";

/**
 * Adds memberships, and revokes ours.
 *
 * Whose a membership is must be known whatever happens: a grant is written before the member is added, says `held:
 * false` before the member is removed, and goes after that. A membership that was there before us is never revoked.
 *
 * @param members the members concerned, by their relative URIs.
 * @returns the `sourceId`s of members to whom something was refused.
 */
export async function changeMemberships(
  step: Step,
  members: ReadonlyMap<string, LinkedEntry>,
  add: readonly MissingMembership[],
  remove: readonly Grant[],
): Promise<readonly string[]> {
  const { groups } = step.target;
  if (groups === undefined) return [];
  const refused: string[] = [];
  if (remove.length > 0) refused.push(...(await revokeMemberships(step, members, remove)));
  for (const some of slices(add, 10_000))
    refused.push(...(await addMemberships(step, groups, some)));
  return refused;
}

async function addMemberships(
  step: Step,
  groups: GroupRepository,
  planned: readonly MissingMembership[],
): Promise<readonly string[]> {
  const { memberships } = step.target;
  const together = await addTogether(step, planned);
  const isDone = together instanceof Set;
  const existing = isDone ? together : await whichExist(groups, planned);
  const grants = planned.map((one) => ({
    one,
    grant: { ...grantKey(one), ours: one.grant?.ours ?? !existing.has(one), held: false },
  }));
  if (!step.isTransactional) {
    await memberships.saveGrants(
      step.source,
      grants.map(({ grant }) => grant),
    );
  }
  const added = planned.filter((one) => !existing.has(one));
  const refusals = isDone
    ? new Map<MissingMembership, Refusal>()
    : await writeMembers(step, added, additionOf, {
        isRefused: together === "refused",
        whichAreMade: (some) => whichExist(groups, some),
      });
  const made = grants.filter(({ one }) => !refusals.has(one));
  await settlementOf(step).confirm(
    step.source,
    made.map(({ one, grant: { ours } }) => ({ membership: one, ours })),
  );
  if (!step.isTransactional) {
    // A refusal is definite: a membership that is made later, by whatever else, is not ours.
    const refusedAnew = grants.filter(({ one }) => refusals.has(one) && one.grant === undefined);
    await memberships.removeGrants(
      step.source,
      refusedAnew.map(({ grant }) => grant),
    );
  }
  const refused: string[] = [];
  for (const one of added) {
    const { group, member } = one;
    const refusal = refusals.get(one);
    if (refusal === undefined) {
      step.outcomes.push({
        kind: "memberAdded",
        group: subjectOf(group),
        member: subjectOf(member),
      });
    } else {
      refused.push(member.sourceId);
      defer(step, subjectOf(group), member, refusal);
    }
  }
  return refused;
}

/**
 * Adds memberships where the store says which of them were there, so that this need not be asked before.
 *
 * @returns those that were there; or nothing was added, since one is refused, or the store does not say so.
 */
async function addTogether(
  step: Step,
  planned: readonly MissingMembership[],
): Promise<ReadonlySet<MissingMembership> | "refused" | undefined> {
  if (!step.isTransactional || step.target.groups?.tellsPresent !== true) return undefined;
  try {
    return await savepoint(step, async (inner) => {
      const byGroup = Map.groupBy(planned, ({ group }) => group.resourceId);
      const results = await writeByGroup(inner, byGroup, additionOf);
      const existing = new Set<MissingMembership>();
      for (const [index, ofGroup] of [...byGroup.values()].entries()) {
        const result = results[index];
        if (result?.present === undefined) throw new PresenceUnknown();
        if (result.present.length === 0) continue;
        const uris = new Set(result.present.map(({ value, type }) => `${type}s/${value}`));
        for (const one of ofGroup) if (uris.has(memberUri(one.member))) existing.add(one);
      }
      return existing;
    });
  } catch (error) {
    if (isRefusal(error)) return "refused";
    if (error instanceof PresenceUnknown) return undefined;
    throw error;
  }
}

/** A store has not said which members were there. */
class PresenceUnknown extends Error {
  override readonly name = "PresenceUnknown";
}

function additionOf({ member }: MissingMembership): MembersChange {
  return { add: [{ value: member.resourceId, type: member.type }] };
}

async function whichExist(
  groups: GroupRepository,
  planned: readonly MissingMembership[],
): Promise<ReadonlySet<MissingMembership>> {
  const asked = planned.map((one) => ({
    one,
    group: one.group.resourceId,
    member: one.member.resourceId,
    type: one.member.type,
  }));
  // A user and a group may have one id.
  const key = ({ group, member, type }: Membership): string =>
    membershipKey({ group, member: `${type}s/${member}` });
  const existing = new Set((await groups.whichExist(asked)).map(key));
  return new Set(asked.flatMap((asking) => (existing.has(key(asking)) ? [asking.one] : [])));
}

function grantKey({ group, member }: MissingMembership): GrantKey {
  return { group: group.resourceId, member: memberUri(member) };
}

/** A membership that ends. */
interface EndingMembership {
  readonly grant: Grant;
  readonly group: { readonly resourceId: string };
  readonly member: LinkedEntry;
}

async function revokeMemberships(
  step: Step,
  members: ReadonlyMap<string, LinkedEntry>,
  grants: readonly Grant[],
): Promise<readonly string[]> {
  const { memberships } = step.target;
  const otherOwners = new Map<string, SourceGrant>();
  for (const grant of await memberships.grantsOf(grants)) {
    if (grant.source !== step.source && grant.held) otherOwners.set(membershipKey(grant), grant);
  }
  const ending: EndingMembership[] = [];
  for (const grant of grants) {
    const other = otherOwners.get(membershipKey(grant));
    const member = members.get(grant.member);
    if (!grant.ours || member === undefined) continue;
    if (other === undefined) ending.push({ grant, group: { resourceId: grant.group }, member });
    else {
      const { source, ...inherited } = other;
      await memberships.saveGrants(source, [{ ...inherited, ours: true }]);
    }
  }
  if (!step.isTransactional && ending.length > 0) {
    await memberships.saveGrants(
      step.source,
      ending.map(({ grant }) => ({ ...grant, held: false })),
    );
  }
  const refusals = await writeMembers(step, ending, ({ member }) => ({
    remove: [{ value: member.resourceId, type: member.type }],
  }));
  for (const [one, refusal] of refusals) {
    // A group that is not there has no members.
    if (refusal instanceof NotFoundError) refusals.delete(one);
  }
  const kept = new Set([...refusals.keys()].map(({ grant }) => grant));
  await memberships.removeGrants(
    step.source,
    grants.filter((grant) => !kept.has(grant)),
  );

  const subjects = await groupSubjects(
    step,
    ending.map(({ grant }) => grant.group),
  );
  const refused: string[] = [];
  for (const one of ending) {
    const group = subjects.get(one.grant.group);
    const refusal = refusals.get(one);
    if (refusal !== undefined) {
      refused.push(one.member.sourceId);
      if (group !== undefined) defer(step, group, one.member, refusal);
    } else if (group !== undefined) {
      step.outcomes.push({ kind: "memberRemoved", group, member: subjectOf(one.member) });
    }
  }
  return refused;
}

/** How memberships are written. */
interface MemberWriting<M> {
  /** They were written together, and refused. */
  readonly isRefused?: boolean;
  /**
   * Which of them there are: without a transaction, some may be made where others were refused, and a store may make
   * one twice.
   */
  readonly whichAreMade?: (memberships: readonly M[]) => Promise<ReadonlySet<M>>;
}

/** Writes memberships, all of a group at once, and one by one where something is refused. */
async function writeMembers<M extends { readonly group: { readonly resourceId: string } }>(
  step: Step,
  memberships: readonly M[],
  changeFor: (membership: M) => MembersChange,
  { isRefused = false, whichAreMade }: MemberWriting<M> = {},
): Promise<Map<M, Refusal>> {
  const refusals = new Map<M, Refusal>();
  if (memberships.length === 0) return refusals;
  const write = (inner: Step, some: readonly M[]) =>
    writeByGroup(
      inner,
      Map.groupBy(some, ({ group }) => group.resourceId),
      changeFor,
    );
  try {
    if (!isRefused) {
      await savepoint(step, (inner) => write(inner, memberships));
      return refusals;
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  const made = step.isTransactional ? undefined : await whichAreMade?.(memberships);
  for (const membership of memberships) {
    if (made?.has(membership) === true) continue;
    try {
      await savepoint(step, (inner) => write(inner, [membership]));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.set(membership, error);
    }
  }
  return refusals;
}

/** Writes memberships, all of a group at once. It throws what was refused. */
async function writeByGroup<M>(
  step: Step,
  byGroup: ReadonlyMap<string, readonly M[]>,
  changeFor: (membership: M) => MembersChange,
): Promise<readonly Extract<WriteResult, { readonly written: true }>[]> {
  const writes = [...byGroup].map(([id, ofGroup]) => ({
    kind: "modify" as const,
    id,
    modification: { relations: { members: combined(ofGroup.map(changeFor)) } },
  }));
  await step.target.beforeWrite?.();
  return ((await step.target.groups?.write(writes)) ?? []).map((result) => {
    if (!result.written) throw result.error;
    return result;
  });
}

function combined(changes: readonly MembersChange[]): MembersChange {
  const add = changes.flatMap((change) => change.add ?? []);
  const remove = changes.flatMap((change) => change.remove ?? []);
  return { ...(add.length === 0 ? {} : { add }), ...(remove.length === 0 ? {} : { remove }) };
}

/** The groups of these resources, as outcomes name them. */
async function groupSubjects(
  step: Step,
  resourceIds: readonly string[],
): Promise<ReadonlyMap<string, Subject>> {
  const subjects = new Map<string, Subject>();
  if (resourceIds.length === 0) return subjects;
  const owners = await step.target.links.owners("Group", [...new Set(resourceIds)]);
  const own = owners.filter((owner) => owner.source === step.source);
  const links = await step.links.of(own);
  for (const link of links) {
    if (link?.resourceId !== undefined) subjects.set(link.resourceId, subjectOf(link));
  }
  return subjects;
}

function defer(step: Step, group: Subject, member: Link, { code, message }: Refusal): void {
  step.outcomes.push({ kind: "memberDeferred", group, member: subjectOf(member), code, message });
}
