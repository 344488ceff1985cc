import type { GroupRepository } from "../group-repository.js";
import type { IdentifiedType, IdentityMapRepository } from "../identity-map-repository.js";
import { leaveGroups } from "../leave-groups.js";
import type { CallOptions } from "../resource-repository.js";

/**
 * Removes a deleted resource from the store's groups, which have a new version then: where the store has no versions,
 * that is the map's to say.
 */
export class Leaving {
  readonly #type: IdentifiedType;
  readonly #groups: GroupRepository | undefined;
  readonly #identities: IdentityMapRepository;
  readonly #now: () => Date;

  constructor(
    type: IdentifiedType,
    groups: GroupRepository | undefined,
    identities: IdentityMapRepository,
    now: () => Date = () => new Date(),
  ) {
    this.#type = type;
    this.#groups = groups;
    this.#identities = identities;
    this.#now = now;
  }

  /** For an account that the store keeps. */
  async leave(localId: string, options?: CallOptions): Promise<void> {
    const localIds = await this.#groupsOf(localId, options);
    for (const group of localIds) {
      const remove = [{ value: localId, type: this.#type }];
      await this.#groups?.changeMembers(group, { remove }, options);
    }
    await this.#touch(localIds, options);
  }

  /** For one that the store is about to remove; what is to be done after that is returned. */
  async release(localId: string, options?: CallOptions): Promise<() => Promise<void>> {
    if (this.#groups === undefined) return async () => {};
    const localIds = await this.#groupsOf(localId, options);
    await leaveGroups(this.#groups, { id: localId, type: this.#type }, options);
    return () => this.#touch(localIds);
  }

  async #groupsOf(localId: string, options?: CallOptions): Promise<readonly string[]> {
    return (await this.#groups?.groupsOf(localId, { ...options, type: this.#type })) ?? [];
  }

  async #touch(localIds: readonly string[], options?: CallOptions): Promise<void> {
    if (this.#groups?.capabilities.versions !== "none" || localIds.length === 0) return;
    for (const identity of await this.#identities.byLocalId("Group", localIds, options)) {
      if (identity === undefined) continue;
      await this.#identities.touch("Group", identity.id, this.#now().toISOString(), options);
    }
  }
}
