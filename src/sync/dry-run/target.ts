import {
  type GrantKey,
  InMemoryCheckpointRepository,
  InMemoryLinkRepository,
  InMemoryMembershipRepository,
  type Link,
  type LinkOwner,
  type LinkRepository,
  type MembershipRepository,
  type SourceGrant,
  type SyncTarget,
} from "../../repositories/index.js";
import { memberUri } from "../../repositories/internal.js";
import { pagesOfReferences } from "../memberships/reading-settlement.js";
import { pagesOfLinks, slices } from "../step/links.js";
import { DryRunGroups, DryRunUsers } from "./accounts.js";

const PAGE = 1_000;

/**
 * Stores that start from what is stored and keep every change to themselves. What is known of the source is copied into
 * memory; the application's own resources are read where they are, and remembered as they would have become.
 */
export async function dryRunTarget(target: SyncTarget, source: string): Promise<SyncTarget> {
  const links = new CopiedLinks(source, target.links);
  const memberships = new CopiedMemberships(source, target.memberships);
  const checkpoints = new InMemoryCheckpointRepository();
  const position = await target.checkpoints.load(source);
  if (position !== undefined) {
    await checkpoints.save(source, { ...position, revision: 0 });
  }
  for await (const page of pagesOfLinks(target.links, source, {}, PAGE)) {
    await links.copy(page);
    await memberships.copy(page);
  }
  return {
    users: new DryRunUsers(target.users),
    ...(target.groups === undefined ? {} : { groups: new DryRunGroups(target.groups) }),
    links,
    memberships,
    checkpoints,
  };
}

/** The links of one source, copied. Those of other sources are read where they are. */
class CopiedLinks extends InMemoryLinkRepository {
  readonly #source: string;
  readonly #stored: LinkRepository;

  constructor(source: string, stored: LinkRepository) {
    super();
    this.#source = source;
    this.#stored = stored;
  }

  async copy(links: readonly Link[]): Promise<void> {
    await this.save(this.#source, links);
    const held = await this.#stored.names(
      this.#source,
      links.map((link) => link.sourceId),
    );
    const names = Map.groupBy(held, (name) => name.sourceId);
    await this.setNames(
      this.#source,
      [...names].map(([sourceId, ofEntry]) => ({
        sourceId,
        names: ofEntry.map(({ kind, key }) => ({ kind, key })),
      })),
    );
  }

  override async owners(
    type: "User" | "Group",
    resourceIds: readonly string[],
  ): Promise<readonly LinkOwner[]> {
    const stored = await this.#stored.owners(type, resourceIds);
    return [...(await super.owners(type, resourceIds)), ...this.#ofOthers(stored)];
  }

  override async intents(type: "User" | "Group", name: string): Promise<readonly LinkOwner[]> {
    const stored = await this.#stored.intents(type, name);
    return [...(await super.intents(type, name)), ...this.#ofOthers(stored)];
  }

  #ofOthers(owners: readonly LinkOwner[]): readonly LinkOwner[] {
    return owners.filter((owner) => owner.source !== this.#source);
  }
}

/** The references and grants of one source, copied. Grants of other sources are read where they are. */
class CopiedMemberships extends InMemoryMembershipRepository {
  readonly #source: string;
  readonly #stored: MembershipRepository;

  constructor(source: string, stored: MembershipRepository) {
    super();
    this.#source = source;
    this.#stored = stored;
  }

  async copy(links: readonly Link[]): Promise<void> {
    for (const group of links.filter((link) => link.type === "Group")) {
      const pages = pagesOfReferences(this.#stored, this.#source, group.sourceId);
      for await (const page of pages) await this.saveReferences(this.#source, page);
    }
    const members = links.flatMap(({ resourceId, ...link }) =>
      resourceId === undefined ? [] : [memberUri({ ...link, resourceId })],
    );
    for (const some of slices(members, PAGE)) {
      await this.saveGrants(this.#source, await this.#stored.grantsTo(this.#source, some));
    }
  }

  override async grantsOf(keys: readonly GrantKey[]): Promise<readonly SourceGrant[]> {
    const stored = await this.#stored.grantsOf(keys);
    return [
      ...(await super.grantsOf(keys)),
      ...stored.filter((grant) => grant.source !== this.#source),
    ];
  }
}
