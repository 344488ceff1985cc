import type { Name } from "../../changes/index.js";
import {
  type Bindings,
  type Grant,
  type Link,
  type LinkedEntry,
  type LinkRepository,
  type MadeMembership,
  type MembershipDifferences,
  type MembershipRepository,
  type MissingMembership,
  type Reference,
  SettlementStore,
  type StatedReferences,
} from "../../repositories/index.js";
import { membershipKey, memberUri } from "../../repositories/internal.js";
import { isAccepted, readLinks, slices } from "../step/links.js";
import type { Step } from "../step/step.js";

/** How many references are read or written at once. */
const PAGE = 5_000;

/** By entry, the groups that refer to it. */
export type GroupsOf = ReadonlyMap<string, readonly string[]>;

/**
 * What settles memberships in this step: the target's own, or what reads and compares.
 *
 * @param groupsOf what has just been read of who refers to whom.
 */
export function settlementOf(step: Step, groupsOf: GroupsOf = new Map()): SettlementStore {
  const { target, settings, isTransactional } = step;
  const own = !isTransactional || settings.nested === "flatten" ? undefined : target.settlement;
  return own ?? new ReadingSettlement(target, settings.nested, groupsOf);
}

/** Settles over any stores of links and memberships: it reads what they have, and compares. */
export class ReadingSettlement extends SettlementStore {
  readonly #links: LinkRepository;
  readonly #memberships: MembershipRepository;
  readonly #flatten: boolean;
  readonly #groupsOf: GroupsOf;

  constructor(
    { links, memberships }: { links: LinkRepository; memberships: MembershipRepository },
    nested: "keep" | "flatten",
    groupsOf: GroupsOf = new Map(),
  ) {
    super();
    this.#links = links;
    this.#memberships = memberships;
    this.#flatten = nested === "flatten";
    this.#groupsOf = groupsOf;
  }

  override assertOwn(): void {}

  override async bindings(source: string, sourceIds: readonly string[]): Promise<Bindings> {
    const held = await this.#links.names(source, sourceIds);
    const names: Name[] = sourceIds.map((id) => ({ kind: "id", key: id }));
    for (const { kind, key } of held) names.push({ kind, key });
    const references = new Map<string, Reference>();
    for (const some of slices(names, PAGE)) {
      for (const reference of await this.#memberships.referencesBy(source, some)) {
        references.set(referenceKey(reference), reference);
      }
    }
    for (const reference of await this.#memberships.referencesTo(source, sourceIds)) {
      references.set(referenceKey(reference), reference);
    }
    return { references: [...references.values()], held };
  }

  override async differences(
    source: string,
    members: readonly LinkedEntry[],
  ): Promise<MembershipDifferences> {
    const wanted = await this.#groupsWanted(source, members);
    const uris = members.map(memberUri);
    const grants = await this.#memberships.grantsTo(source, uris);
    const granted = new Map<string, Grant>(grants.map((grant) => [membershipKey(grant), grant]));
    const missing: MissingMembership[] = [];
    for (const [index, member] of members.entries()) {
      for (const group of wanted.get(member.sourceId) ?? []) {
        const key = membershipKey({ group: group.resourceId, member: uris[index] ?? "" });
        const grant = granted.get(key);
        granted.delete(key);
        if (grant?.held === true) continue;
        missing.push({ group, member, ...(grant === undefined ? {} : { grant }) });
      }
    }
    return { missing, surplus: [...granted.values()] };
  }

  override async confirm(source: string, made: readonly MadeMembership[]): Promise<void> {
    await this.#memberships.saveGrants(
      source,
      made.map(({ membership: { group, member }, ours }) => ({
        group: group.resourceId,
        member: memberUri(member),
        ours,
        held: true,
      })),
    );
  }

  /** Who has a name, and since when, has to be read. */
  override state(): Promise<StatedReferences> {
    return Promise.resolve({ groups: new Set(), marked: [] });
  }

  override references(source: string, group: string): AsyncGenerator<readonly Reference[]> {
    return pagesOfReferences(this.#memberships, source, group);
  }

  /**
   * The groups that each member is to be in: those that refer to it and that the application has. Flattened, a group is
   * in none.
   */
  async #groupsWanted(
    source: string,
    members: readonly Link[],
  ): Promise<ReadonlyMap<string, readonly LinkedEntry[]>> {
    const accepted = members.filter(
      (link) => isAccepted(link) && !(this.#flatten && link.type === "Group"),
    );
    const above = new Map<string, Set<string>>();
    let asked = accepted.map((link) => link.sourceId);
    const groups = new Map<string, Link>();
    while (asked.length > 0) {
      const found = new Set<string>();
      const refer = (group: string, target: string): void => {
        const parents = above.get(target) ?? new Set<string>();
        above.set(target, parents.add(group));
        if (!groups.has(group)) found.add(group);
      };
      for (const id of asked) for (const group of this.#groupsOf.get(id) ?? []) refer(group, id);
      const others = asked.filter((id) => !this.#groupsOf.has(id));
      for (const some of slices(others, 1_000)) {
        const references = await this.#memberships.referencesTo(source, some);
        for (const { group, target } of references) if (target !== undefined) refer(group, target);
      }
      for (const link of await readLinks(this.#links, source, found)) {
        groups.set(link.sourceId, link);
      }
      asked = this.#flatten ? [...found] : [];
    }
    return new Map(
      accepted.map((member) => {
        const reached = new Set(above.get(member.sourceId));
        if (this.#flatten) {
          for (const group of reached)
            for (const parent of above.get(group) ?? []) reached.add(parent);
        }
        const links = [...reached].map((id) => groups.get(id)).filter(isAccepted);
        return [member.sourceId, links];
      }),
    );
  }
}

/** The references of a group, page by page. */
export async function* pagesOfReferences(
  memberships: MembershipRepository,
  source: string,
  group: string,
): AsyncGenerator<readonly Reference[]> {
  for (let after: Name | undefined; ; ) {
    const page = await memberships.references(source, group, {
      count: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    yield page;
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    after = { kind: last.kind, key: last.key };
  }
}

/** A reference as a key of a map, whatever characters the names hold. */
function referenceKey({ group, kind, key }: Reference): string {
  return `${group.length} ${group}${kind} ${key}`;
}
