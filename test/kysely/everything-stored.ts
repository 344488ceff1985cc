import type { Name } from "concordat/changes";
import type {
  Grant,
  HeldName,
  Link,
  LinkRepository,
  MembershipRepository,
  Reference,
  SourceGrant,
} from "concordat/repositories";

/** What synchronisation keeps of a source, as its stores tell it. */
export interface Stored {
  readonly links: readonly Link[];
  readonly names: readonly HeldName[];
  readonly references: readonly Reference[];
  readonly grants: readonly Grant[];
  /** The grants of every source of the same memberships. */
  readonly grantsOfAll: readonly SourceGrant[];
}

/** What is asked for, since stores list nothing but links. */
export interface Asked {
  readonly groups: readonly string[];
  /** The ids of groups that grants are about, and members by their relative URIs. */
  readonly resources: readonly string[];
  readonly members: readonly string[];
}

/** Everything that is stored of a source, in an order that does not depend on the store. */
export async function everythingStored(
  { links, memberships }: { links: LinkRepository; memberships: MembershipRepository },
  source: string,
  { groups, resources, members }: Asked,
): Promise<Stored> {
  const page = { count: 10_000 };
  const listed = await links.list(source, {}, page);
  const ids = listed.map(({ sourceId }) => sourceId);
  const names = await links.names(source, ids);
  const references = [];
  for (const group of groups)
    references.push(...(await memberships.references(source, group, page)));
  const targets = references.flatMap(({ target }) => target ?? []);
  const bound = await memberships.referencesTo(source, targets);
  const named = await memberships.referencesBy(source, references.map(nameOf));
  const grants = [];
  for (const resource of resources)
    grants.push(...(await memberships.grantsIn(source, resource, page)));
  const ofMembers = await memberships.grantsTo(source, members);
  return {
    links: sorted(listed),
    names: sorted(names),
    references: sorted([...references, ...bound, ...named]),
    grants: sorted([...grants, ...ofMembers]),
    grantsOfAll: sorted(await memberships.grantsOf(grants)),
  };
}

function nameOf({ kind, key }: Reference): Name {
  return { kind, key };
}

/** The values in one order, whatever the order in which they came. */
export function sorted<T>(values: readonly T[]): readonly T[] {
  const keyOf = (value: T): string =>
    JSON.stringify(value, (_, inside: unknown) =>
      typeof inside === "object" && inside !== null && !Array.isArray(inside)
        ? Object.fromEntries(Object.entries(inside).sort())
        : inside,
    );
  return [...values].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}
