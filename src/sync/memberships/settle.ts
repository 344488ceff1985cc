import type { Grant, Link, LinkedEntry, Reference } from "../../repositories/index.js";
import { memberUri } from "../../repositories/internal.js";
import type { Removal } from "../accepted-removals.js";
import { keyOf } from "../step/keys.js";
import { pagesOfLinks, slices, subjectOf } from "../step/links.js";
import { lookWhereIdsAreReused } from "../step/same-account.js";
import type { Step } from "../step/step.js";
import { changeMemberships } from "./grants.js";
import { settlementOf } from "./reading-settlement.js";
import { holdersOf, referencesOf } from "./references.js";

/**
 * How many entries are settled at once. They are in all kinds of groups, so the more there are, the more each write is
 * for.
 */
const PAGE = 5_000;

/**
 * Settles every entry that is marked: binds the references that mean it and makes its memberships what the references
 * say.
 *
 * @param skip entries whose memberships were refused, to be left for later.
 * @returns the entries whose memberships were refused now, or have to wait. They stay marked.
 */
export async function settleDirty(
  step: Step,
  skip: ReadonlySet<string> = new Set(),
): Promise<readonly string[]> {
  const refused = new Set<string>();
  let settled: number;
  do {
    settled = 0;
    const marked = pagesOfLinks(step.target.links, step.source, { dirty: true }, PAGE);
    for await (const page of marked) {
      const links = page.filter(({ sourceId }) => !skip.has(sourceId) && !refused.has(sourceId));
      for (const id of await settleLinks(step, links)) refused.add(id);
      settled += links.length;
    }
    // A group that was read again may have marked entries of pages before.
  } while (settled > 0);
  return [...refused];
}

/** Entries that are dirty, after the one named. */
export async function dirtyAfter(step: Step, after: string | undefined): Promise<readonly Link[]> {
  return await step.target.links.list(
    step.source,
    { dirty: true },
    { count: PAGE, ...(after === undefined ? {} : { after }) },
  );
}

/** Settles the entries of these links, which have just been read. @returns as {@link settle}. */
export async function settleLinks(step: Step, links: readonly Link[]): Promise<readonly string[]> {
  const ids = links.map((link) => link.sourceId);
  return await settle(step, ids, new Map(links.map((link) => [link.sourceId, link])));
}

/**
 * Settles these entries.
 *
 * @param known those of their links that have just been read.
 * @returns those whose memberships were refused, or have to wait for a group that is to be read again.
 */
export async function settle(
  step: Step,
  sourceIds: readonly string[],
  known: ReadonlyMap<string, Link> = new Map(),
): Promise<readonly string[]> {
  const refused = new Set<string>();
  for (const some of slices([...new Set(sourceIds)], PAGE)) {
    const failed = new Set<string>();
    if (step.target.groups !== undefined) {
      const bound = await bind(step, some);
      const links = await linksAmong(step, bound.affected, known);
      for (const members of slices(await membersAmong(step, links, bound.affected), PAGE)) {
        for (const id of await settleMembers(step, members, bound)) failed.add(id);
      }
      for (const id of bound.postponed) failed.add(id);
      for (const id of await doubtfulAmong(step, links, new Set(some))) failed.add(id);
    }
    // A mark goes only when all that follows from it is done; what was refused to another entry is marked there.
    const settled = some.filter((id) => !failed.has(id));
    await step.target.links.markDirty(step.source, settled, false);
    const others = [...failed].filter((id) => !some.includes(id));
    await step.target.links.markDirty(step.source, others, true);
    for (const id of failed) refused.add(id);
  }
  return [...refused];
}

/** What is known once the references that mean entries have been bound. */
interface Bound {
  /** Every entry whose memberships may differ now. */
  readonly affected: ReadonlySet<string>;
  /** By entry, the groups that refer to it. Those entries that were only affected are not in it. */
  readonly groupsOf: ReadonlyMap<string, readonly string[]>;
  /** Entries that a group means, or meant, by a name that changed hands, and which has to be read again first. */
  readonly postponed: ReadonlySet<string>;
}

/** Binds the references that mean these entries, or meant them. */
async function bind(step: Step, sourceIds: readonly string[]): Promise<Bound> {
  const { memberships } = step.target;
  const { references: stated, held } = await settlementOf(step).bindings(step.source, sourceIds);
  const holders = await holdersOf(step, stated, held);
  const present = await presentAmong(
    step,
    stated.filter((reference) => !holders.has(keyOf(reference))),
  );
  const affected = new Set(sourceIds);
  const groupsOf = new Map<string, string[]>(sourceIds.map((id) => [id, []]));
  const rebound: Reference[] = [];
  const postponed = new Set<string>();
  for (const reference of stated) {
    const { target: before, ...unbound } = reference;
    const key = keyOf(reference);
    // A name that two entries have means neither of them; one that no entry has keeps its meaning, if that is wanted.
    const dangles = !holders.has(key) && step.settings.dangling === "keep";
    const kept = dangles && before !== undefined && present.has(before) ? before : undefined;
    const target = holders.get(key)?.sourceId ?? kept;
    if (target !== undefined && target !== before && isDoubtful(step, reference, before)) {
      step.groups.doubt(reference.group);
      postponed.add(target);
      if (before !== undefined) {
        // It is to be looked at again too: the entry that took the name may give it up meanwhile, and leads here no
        // more then.
        postponed.add(before);
        groupsOf.get(before)?.push(reference.group);
      }
      continue;
    }
    if (target !== undefined) groupsOf.get(target)?.push(reference.group);
    if (target === before) continue;
    rebound.push(target === undefined ? unbound : { ...unbound, target });
    if (before !== undefined) affected.add(before);
    if (target !== undefined) affected.add(target);
  }
  if (!step.isTransactional) {
    // Once a reference means another entry, nothing but a mark is left of the one that it meant, which is settled in
    // its turn.
    const asked = new Set(sourceIds);
    await step.links.markDirty([...affected].filter((id) => !asked.has(id)));
  }
  for (const some of slices(rebound, 5_000)) await memberships.saveReferences(step.source, some);
  return { affected, groupsOf, postponed };
}

/**
 * Whether the directory may have rewritten the group without telling since it was read. So it may have if the name was
 * given up since, and also if no known entry had it: one outside of the content may have given it up.
 */
function isDoubtful(step: Step, { kind, group }: Reference, before: string | undefined): boolean {
  if (!step.groups.canReread || kind !== "dn") return false;
  return !step.groups.isBelieved(group) || (step.phase === "live" && before === undefined);
}

/**
 * The marked groups that are to be read again because some name of theirs means no entry: one may have given it up, and
 * the group may have been rewritten without telling, since it was read.
 */
async function doubtfulAmong(
  step: Step,
  links: readonly Link[],
  marked: ReadonlySet<string>,
): Promise<readonly string[]> {
  const found: string[] = [];
  if (!step.groups.canReread) return found;
  for (const { sourceId, type, state } of links) {
    if (type === "User" || state !== "live") continue;
    if (!marked.has(sourceId) || step.groups.isBelieved(sourceId)) continue;
    for await (const { kind, target } of referencesOf(step, sourceId)) {
      if (kind !== "dn" || target !== undefined) continue;
      step.groups.doubt(sourceId);
      found.push(sourceId);
      break;
    }
  }
  return found;
}

/** Which of the entries that references are bound to are still in the content. */
async function presentAmong(
  step: Step,
  references: readonly Reference[],
): Promise<ReadonlySet<string>> {
  const targets = new Set<string>();
  for (const { target } of references) if (target !== undefined) targets.add(target);
  const present = new Set<string>();
  for (const link of await step.links.existing(targets)) {
    if (link.state === "live" || link.state === "entering") present.add(link.sourceId);
  }
  return present;
}

/** The links of these entries, of which some have just been read. */
async function linksAmong(
  step: Step,
  sourceIds: ReadonlySet<string>,
  known: ReadonlyMap<string, Link>,
): Promise<readonly Link[]> {
  const others = [...sourceIds].filter((id) => !known.has(id));
  const links = [...sourceIds].flatMap((id) => known.get(id) ?? []);
  return [...links, ...(await step.links.existing(others))];
}

/** Those whose own memberships are to be compared: with nested groups flattened, also the users below a group. */
async function membersAmong(
  step: Step,
  links: readonly Link[],
  affected: ReadonlySet<string>,
): Promise<readonly Link[]> {
  if (step.settings.nested === "keep") return links;
  const groups = links.filter((link) => link.type === "Group");
  return [...links, ...(await usersBelow(step, groups, affected))];
}

/** The users in these groups and in the groups in them, however deep, but for those who are known already. */
export async function usersBelow(
  step: Step,
  groups: readonly Link[],
  known: ReadonlySet<string> = new Set(),
): Promise<readonly Link[]> {
  const visited = new Set([...known, ...groups.map((group) => group.sourceId)]);
  const users: Link[] = [];
  for (let level = groups; level.length > 0; ) {
    const below = new Set<string>();
    for (const group of level) {
      for await (const { target } of referencesOf(step, group.sourceId)) {
        if (target === undefined || visited.has(target)) continue;
        visited.add(target);
        below.add(target);
      }
    }
    const links = await step.links.existing(below);
    users.push(...links.filter((link) => link.type === "User"));
    level = links.filter((link) => link.type === "Group");
  }
  return users;
}

/** Compares what references say of these members with what was granted to them, and makes up the difference. */
async function settleMembers(
  step: Step,
  members: readonly Link[],
  bound: Bound,
): Promise<readonly string[]> {
  const concerned = new Map<string, LinkedEntry>();
  for (const link of members) if (hasResource(link)) concerned.set(memberUri(link), link);
  if (concerned.size === 0) return [];
  const { missing, surplus } = await settlementOf(step, bound.groupsOf).differences(step.source, [
    ...concerned.values(),
  ]);
  // Most members are as they should be, so that only the others are looked at.
  const changed = new Map(missing.map(({ member }) => [memberUri(member), member]));
  for (const { member: uri } of surplus) {
    const member = concerned.get(uri);
    if (member !== undefined) changed.set(uri, member);
  }
  const touchable = await touchableAmong(step, [...changed.values()]);
  const groups = await touchableAmong(step, [...new Set(missing.map(({ group }) => group))]);
  const add = missing.filter(({ group, member }) => touchable.has(member) && groups.has(group));
  const ending = surplus.filter(({ member: uri }) => {
    const member = concerned.get(uri);
    return member !== undefined && touchable.has(member);
  });
  const linksByGroup = await linksOfGroups(step, ending);
  const remove = await unprotected(step, ending, linksByGroup);
  await countUnforeseen(step, remove, concerned, linksByGroup);
  return await changeMemberships(step, concerned, add, remove);
}

/** The links of accounts that may be touched: not those that are protected, or that are another one's by now. */
async function touchableAmong<L extends Link>(
  step: Step,
  links: readonly L[],
): Promise<ReadonlySet<L>> {
  const { users, groups } = step.target;
  const { protection } = step;
  const reusesIds = [users, groups].some((store) => store?.capabilities.ids === "reused");
  if (protection.isEmpty && !reusesIds) return new Set(links);
  const touchable = new Set<L>();
  for (const link of links) {
    if (await protection.ofLink(step.target, link)) continue;
    if ((await lookWhereIdsAreReused(step, link)) !== "gone") touchable.add(link);
  }
  return touchable;
}

/**
 * Counts members who leave although no group has stated it: another entry has taken their name, or it is dropped. What
 * goes with an entry that is gone was counted with that.
 */
async function countUnforeseen(
  step: Step,
  remove: readonly Grant[],
  members: ReadonlyMap<string, Link>,
  groups: ReadonlyMap<string, Link>,
): Promise<void> {
  const { accepted, foreseen } = step.settings;
  const ending = remove.filter(({ ours, held, group: id, member: uri }) => {
    const [group, member] = [groups.get(id), members.get(uri)];
    if (!ours || !held || group === undefined || member === undefined) return false;
    if (isLeaving(member) || isLeaving(group)) return false;
    const removal: Removal = { kind: "leaves", group: subjectOf(group), member: member.sourceId };
    foreseen?.add([removal]);
    return !accepted.isAccepted(removal);
  });
  const removals = step.limits.unforeseen(ending.length);
  if (removals > 0) await step.limits.take(step, { removals });
}

function isLeaving(link: Link): boolean {
  return link.state === "leaving" || link.state === "gone";
}

/** The links of this source's groups, by the ids of what stands for them. */
async function linksOfGroups(
  step: Step,
  grants: readonly Grant[],
): Promise<ReadonlyMap<string, Link>> {
  if (grants.length === 0) return new Map();
  const ids = [...new Set(grants.map((grant) => grant.group))];
  const owners = await step.target.links.owners("Group", ids);
  const own = owners.filter((owner) => owner.source === step.source);
  const links = await step.links.existing(own.map((owner) => owner.sourceId));
  return new Map(links.flatMap((link) => (hasResource(link) ? [[link.resourceId, link]] : [])));
}

/** The grants in groups that may be touched. */
async function unprotected(
  step: Step,
  grants: readonly Grant[],
  links: ReadonlyMap<string, Link>,
): Promise<readonly Grant[]> {
  const { protection } = step;
  if (protection.isEmpty) return grants;
  const kept = new Set<string>();
  for (const id of new Set(grants.map((grant) => grant.group))) {
    const names = [links.get(id)?.name];
    if (await protection.covers(step.target, { type: "Group", id }, names)) kept.add(id);
  }
  return grants.filter(({ group }) => !kept.has(group));
}

function hasResource(link: Link): link is LinkedEntry {
  return link.resourceId !== undefined;
}
