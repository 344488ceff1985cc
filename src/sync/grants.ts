import { NotFoundError } from "../core/index.js";
import {
  type Grant,
  type GroupRepository,
  isRefusal,
  type Link,
  type MembersChange,
  type Membership,
  type Refusal,
} from "../repositories/index.js";
import type { Subject } from "./outcome.js";
import { type Step, savepoint, slices, subjectOf } from "./step.js";

/** A membership that is to be made. */
export interface PlannedMembership {
  readonly group: Link & { resourceId: string };
  readonly member: Link & { resourceId: string };
  /** An earlier attempt that was not confirmed. */
  readonly grant?: Grant;
}

/**
 * Makes memberships and takes ours away.
 *
 * Whose a membership is must be known whatever happens: a grant is written before the member is added, says `held: false`
 * before the member is removed, and goes after that. A membership that was there before us is never taken away.
 *
 * @param members the members concerned, by the id of their resource.
 * @returns the `sourceId`s of members to whom something was refused.
 */
export async function changeMemberships(
  step: Step,
  members: ReadonlyMap<string, Link>,
  add: readonly PlannedMembership[],
  remove: readonly Grant[],
): Promise<readonly string[]> {
  const { groups } = step.target;
  if (groups === undefined) return [];
  const refused: string[] = [];
  if (remove.length > 0) refused.push(...(await takeAway(step, members, remove)));
  for (const some of slices(add, 1_000)) refused.push(...(await give(step, groups, some)));
  return refused;
}

async function give(
  step: Step,
  groups: GroupRepository,
  planned: readonly PlannedMembership[],
): Promise<readonly string[]> {
  const { memberships } = step.target;
  const pairs = planned.map(membershipOf);
  const existing = new Set((await groups.whichExist(pairs)).map(pair));
  const grants = planned.map(({ grant }, index): Grant => {
    const membership = pairs[index] as Membership;
    const ours = grant?.ours ?? !existing.has(pair(membership));
    return { ...membership, ours, held: false };
  });
  if (step.bare) await memberships.saveGrants(step.source, grants);
  const added = planned.filter((_, index) => !existing.has(pair(pairs[index] as Membership)));
  const types = new Map(added.map(({ member }) => [member.resourceId, member.type]));
  const refusals = await writeMembers(step, added.map(membershipOf), ({ member }) => ({
    add: [{ value: member, type: types.get(member) ?? "User" }],
  }));
  const held = grants.filter((grant) => !refusals.has(pair(grant)));
  await memberships.saveGrants(
    step.source,
    held.map((grant) => ({ ...grant, held: true })),
  );
  const refused: string[] = [];
  for (const { group, member } of added) {
    const refusal = refusals.get(pair({ group: group.resourceId, member: member.resourceId }));
    if (refusal === undefined) {
      step.outcomes.push({
        kind: "memberAdded",
        group: subjectOf(group),
        member: subjectOf(member),
      });
    } else {
      refused.push(member.sourceId);
      deferred(step, member, group.name, refusal);
    }
  }
  return refused;
}

function membershipOf({ group, member }: PlannedMembership): Membership {
  return { group: group.resourceId, member: member.resourceId };
}

async function takeAway(
  step: Step,
  members: ReadonlyMap<string, Link>,
  grants: readonly Grant[],
): Promise<readonly string[]> {
  const { memberships } = step.target;
  const heirs = new Map<string, { source: string; grant: Grant }>();
  for (const { source, ...grant } of await memberships.grantsOf(grants)) {
    if (source !== step.source && grant.held) heirs.set(pair(grant), { source, grant });
  }
  const ours = grants.filter((grant) => grant.ours);
  const inherited = ours.filter((grant) => heirs.has(pair(grant)));
  for (const grant of inherited) {
    const heir = heirs.get(pair(grant));
    if (heir !== undefined) {
      await memberships.saveGrants(heir.source, [{ ...heir.grant, ours: true }]);
    }
  }
  const ending = ours.filter((grant) => !heirs.has(pair(grant)));
  if (step.bare && ending.length > 0) {
    await memberships.saveGrants(
      step.source,
      ending.map((grant) => ({ ...grant, held: false })),
    );
  }
  const refusals = await writeMembers(step, ending, ({ member }) => ({ remove: [member] }));
  for (const [key, refusal] of refusals) {
    // A group that is not there has no members.
    if (refusal instanceof NotFoundError) refusals.delete(key);
  }
  await memberships.removeGrants(
    step.source,
    grants.filter((grant) => !refusals.has(pair(grant))),
  );

  const subjects = await groupSubjects(
    step,
    ending.map((grant) => grant.group),
  );
  const refused: string[] = [];
  for (const grant of ending) {
    const member = members.get(grant.member);
    const group = subjects.get(grant.group);
    if (member === undefined) continue;
    const refusal = refusals.get(pair(grant));
    if (refusal !== undefined) {
      refused.push(member.sourceId);
      deferred(step, member, group?.name, refusal);
    } else if (group !== undefined) {
      step.outcomes.push({ kind: "memberRemoved", group, member: subjectOf(member) });
    }
  }
  return refused;
}

/** Writes memberships, all of a group at once, and one by one where something is refused. */
async function writeMembers(
  step: Step,
  memberships: readonly Membership[],
  changeFor: (membership: Membership) => MembersChange,
): Promise<Map<string, Refusal>> {
  const refusals = new Map<string, Refusal>();
  if (memberships.length === 0) return refusals;
  const write = async (inner: Step, some: readonly Membership[]) => {
    const byGroup = Map.groupBy(some, ({ group }) => group);
    const writes = [...byGroup].map(([id, ofGroup]) => ({
      kind: "modify" as const,
      id,
      modification: { relations: { members: combined(ofGroup.map(changeFor)) } },
    }));
    for (const result of (await inner.target.groups?.write(writes)) ?? []) {
      if (!result.written) throw result.error;
    }
  };
  try {
    await savepoint(step, (inner) => write(inner, memberships));
    return refusals;
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  for (const membership of memberships) {
    try {
      await savepoint(step, (inner) => write(inner, [membership]));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.set(pair(membership), error);
    }
  }
  return refusals;
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
  const links = await step.target.links.get(
    step.source,
    own.map((owner) => owner.sourceId),
  );
  for (const link of links) {
    if (link?.resourceId !== undefined) subjects.set(link.resourceId, subjectOf(link));
  }
  return subjects;
}

function deferred(step: Step, member: Link, group: string | undefined, refusal: Refusal): void {
  const { code, message } = refusal;
  step.outcomes.push({
    kind: "deferred",
    ...subjectOf(member),
    code,
    message: group === undefined ? message : `Membership in "${group}": ${message}`,
    attempts: 1,
    nextAttempt: step.settings.now() + step.settings.refusals.delay,
  });
}

function pair({ group, member }: Membership): string {
  return `${group} ${member}`;
}
