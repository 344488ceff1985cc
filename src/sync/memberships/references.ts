import type { MemberChange, MemberReference, Name, Upsert } from "../../changes/index.js";
import type { HeldName, Reference, StatedGroup } from "../../repositories/index.js";
import { keyOf } from "../step/keys.js";
import { slices } from "../step/links.js";
import type { Difference } from "../step/stated-members.js";
import type { Step } from "../step/step.js";
import { settlementOf } from "./reading-settlement.js";

/** How many references are read or written at once. */
const PAGE = 5_000;

/** How many references of new groups are written at once, and those of one group more. */
const NEW = 20_000;

/** What a change of a group's members means for the references that are stored. */
export interface ReferenceChange {
  readonly add: readonly MemberReference[];
  readonly remove: readonly Reference[];
}

/** Compares the members that a group states with the references that are stored for it. */
export async function compareReferences(
  step: Step,
  group: string,
  members: MemberChange,
): Promise<ReferenceChange> {
  if (members.kind === "delta") return await compareDelta(step, group, members);
  const difference = step.groups.compare(group, members.members);
  if (difference !== undefined) return await compareDelta(step, group, difference);
  const stated = new Map(members.members.map((name) => [keyOf(name), name]));
  const remove: Reference[] = [];
  for await (const reference of referencesOf(step, group)) {
    if (!stated.delete(keyOf(reference))) remove.push(reference);
  }
  return { add: [...stated.values()], remove };
}

async function compareDelta(
  step: Step,
  group: string,
  delta: Difference,
): Promise<ReferenceChange> {
  const stored = new Map<string, Reference>();
  for (const names of slices([...delta.add, ...delta.remove], PAGE)) {
    for (const reference of await step.target.memberships.referencesBy(step.source, names)) {
      if (reference.group === group) stored.set(keyOf(reference), reference);
    }
  }
  const remove = new Map<string, Reference>();
  for (const name of delta.remove) {
    const reference = stored.get(keyOf(name));
    if (reference !== undefined) remove.set(keyOf(name), reference);
  }
  const add = new Map(delta.add.map((name) => [keyOf(name), name]));
  for (const key of stored.keys()) if (!remove.has(key)) add.delete(key);
  return { add: [...add.values()], remove: [...remove.values()] };
}

/**
 * Stores the references of a group as it states them now. Who is meant by a difference is marked before it is made.
 * What goes does so last: a name that made us doubt the group, and read it again, must not be gone before all the
 * others are there.
 *
 * @param dubious names that are not to be bound before the group has been read again.
 */
export async function saveReferenceChange(
  step: Step,
  group: string,
  change: ReferenceChange,
  dubious: ReadonlySet<string> = new Set(),
): Promise<void> {
  const { memberships } = step.target;
  for (const added of slices(change.add, PAGE)) {
    const holders = await holdersOf(step, added);
    const held = added.flatMap((name) => holders.get(keyOf(name))?.sourceId ?? []);
    await step.links.markDirty(held);
    const references = added.map((name): Reference => {
      const key = keyOf(name);
      const holder = holders.get(key);
      const isMeant = holder !== undefined && isCertain(step, holder) && !dubious.has(key);
      const target = isMeant ? { target: holder.sourceId } : {};
      return { group, kind: name.kind, key: name.key, ...target };
    });
    await memberships.saveReferences(step.source, references);
  }
  for (const removed of slices(change.remove, PAGE)) {
    await step.links.markDirty(targetsOf(removed));
    await memberships.removeReferences(step.source, removed);
  }
}

/**
 * Stores the references of groups of which none is stored, many at once, where the target can.
 *
 * @param groups groups with all that they state, without dubious names.
 * @returns those of which it was done.
 */
export async function saveNewReferences(
  step: Step,
  groups: readonly StatedGroup[],
): Promise<ReadonlySet<string>> {
  const stored = new Set<string>();
  // Of live changes, every entry concerned is to be known by name.
  if (step.phase === "live") return stored;
  for (const some of inSlices(groups)) {
    const stated = await settlementOf(step).state(step.source, some, step.generation);
    step.links.noteDirty(stated.marked);
    for (const group of stated.groups) stored.add(group);
  }
  return stored;
}

/** Groups in slices of not many more names than are written at once. */
function* inSlices(groups: readonly StatedGroup[]): Generator<readonly StatedGroup[]> {
  let some: StatedGroup[] = [];
  let names = 0;
  for (const group of groups) {
    some.push(group);
    names += group.names.length;
    if (names < NEW) continue;
    yield some;
    [some, names] = [[], 0];
  }
  if (some.length > 0) yield some;
}

/**
 * Whether an entry has its name in the directory, too. In a refresh that is so only of entries that it has spoken of: a
 * group that it states may mean another entry by a name than the one that had it before. When the refresh ends, the
 * entry that has the name then is bound to the reference.
 */
function isCertain(step: Step, { seen, sourceId }: HeldName): boolean {
  if (step.phase === "live" || seen >= step.generation) return true;
  return step.refresh.comparison?.mentioned.has(sourceId) === true;
}

/** Marks as dirty every entry to which a reference of the group is bound: the group came into being, or goes. */
export async function markMembers(step: Step, group: string): Promise<void> {
  let page: Reference[] = [];
  for await (const reference of referencesOf(step, group)) {
    page.push(reference);
    if (page.length < PAGE) continue;
    await step.links.markDirty(targetsOf(page));
    page = [];
  }
  await step.links.markDirty(targetsOf(page));
}

/**
 * Groups that refer to a name which is given up may have been rewritten without telling.
 *
 * @returns the groups whose reference by such a name is not bound. They may have meant the entry that gives it up, to
 * which nothing leads from there.
 */
export async function distrust(step: Step, names: readonly Name[]): Promise<readonly string[]> {
  if (!step.groups.canReread) return [];
  const unbound: string[] = [];
  const given = names.filter((name) => name.kind === "dn");
  step.givenUp.add(given);
  for (const some of slices(given, PAGE)) {
    for (const { group, target } of await step.target.memberships.referencesBy(step.source, some)) {
      step.groups.distrust(group);
      if (target === undefined) unbound.push(group);
    }
  }
  return unbound;
}

/**
 * The names that a group states and that an entry gave up in this step, as keys. What a refresh says of the group may
 * be older than that. A live change is not, but where no entry has the name any more, the group may have been rewritten
 * since.
 */
export async function dubiousNames(step: Step, { members }: Upsert): Promise<ReadonlySet<string>> {
  if (members === undefined) return new Set();
  const given = step.givenUp.among(members.kind === "all" ? members.members : members.add);
  if (given.length === 0) return new Set();
  const dubious = new Set(given.map(keyOf));
  if (step.phase === "live") {
    for (const held of (await holdersOf(step, given)).keys()) dubious.delete(held);
  }
  return dubious;
}

/** The references of a group, in any order. */
export async function* referencesOf(step: Step, group: string): AsyncGenerator<Reference> {
  for await (const page of settlementOf(step).references(step.source, group)) yield* page;
}

/**
 * Who is meant by each name: the entry that has it, or, where none has it for its proper name, the one that has it for
 * an alias. A name that two entries have with equal right means neither; only a `uid` can be such a name, since a
 * distinguished name has one holder.
 *
 * @param known names whose holders have just been read; those that can have no other holder are not asked for.
 */
export async function holdersOf(
  step: Step,
  names: readonly Name[],
  known: readonly HeldName[] = [],
): Promise<ReadonlyMap<string, HeldName | undefined>> {
  const holders = new Map<string, HeldName | undefined>();
  /** The names that entries have only as an alias, so far. */
  const aliases = new Set<string>();
  for (const held of known) {
    if (held.kind === "dn" && isPresent(held)) holders.set(keyOf(held), held);
  }
  const unknown = names.filter((name) => !holders.has(keyOf(name)));
  for (const asked of slices(unknown, PAGE)) {
    for (const held of await step.target.links.holders(step.source, asked)) {
      if (!isPresent(held)) continue;
      const key = keyOf(held);
      const other = holders.has(key) && holders.get(key)?.sourceId !== held.sourceId;
      const isAlias = held.alias === true;
      if (!other) {
        holders.set(key, held);
        if (isAlias) aliases.add(key);
      } else if (isAlias === aliases.has(key)) holders.set(key, undefined);
      else if (!isAlias) {
        holders.set(key, held);
        aliases.delete(key);
      }
    }
  }
  return holders;
}

/** Whether the entry is in the directory's content, accepted by the application or not. */
function isPresent(held: HeldName): boolean {
  return held.state === "live" || held.state === "entering";
}

/** Names that were read of a part of an entry take the place of those of the same kind. */
export function mergedNames(known: readonly Name[], stated: readonly Name[]): readonly Name[] {
  const kinds = new Set(stated.map((name) => name.kind));
  return [...known.filter((name) => !kinds.has(name.kind)), ...stated];
}

function targetsOf(references: readonly Reference[]): string[] {
  return references.flatMap(({ target }) => (target === undefined ? [] : [target]));
}

/** A change without its members, which are kept as references. */
export function withoutMembers(change: Upsert): Upsert {
  const { members: _, ...rest } = change;
  return rest;
}
