import { InvalidValueError } from "../../core/index.js";
import type { MembersChange } from "../change-set.js";
import type { Member } from "../member-types.js";
import { typedMembers } from "../member-types.js";
import type { CallOptions } from "../resource-repository.js";
import type { Identities, Present } from "./identities.js";

/** Translates the ids of members between the store's own and those by which they are known outside. */
export class MappedMembers {
  readonly #identities: Readonly<Record<"User" | "Group", Identities>>;

  constructor(users: Identities, groups: Identities) {
    this.#identities = { User: users, Group: groups };
  }

  /** Members as they are known outside, without those that are deleted. */
  async external(
    members: readonly { readonly value: string; readonly type?: string }[],
    options?: CallOptions,
  ): Promise<Member[]> {
    const typed = typedMembers(members);
    const known = new Map<"User" | "Group", ReadonlyMap<string, Present>>();
    for (const [type, alike] of Map.groupBy(typed, (member) => member.type)) {
      const localIds = alike.map(({ value }) => value);
      known.set(type, await this.#identities[type].ofLocal(localIds, options));
    }
    return typed.flatMap(({ value, type }) => {
      const identity = known.get(type)?.get(value);
      return identity === undefined ? [] : [{ value: identity.id, type }];
    });
  }

  /**
   * A change of members in the store's own ids. What is not known cannot be a member, and need not be removed.
   *
   * @throws {InvalidValueError} a resource that is to be added is not known.
   */
  async inward(change: MembersChange, options?: CallOptions): Promise<MembersChange> {
    const add: Member[] = [];
    for (const { value, type = "User" } of change.add ?? []) {
      const [localId] = await this.localIds([value], type, options);
      if (localId === undefined) {
        throw new InvalidValueError("members.value", `there is no ${type} with the id "${value}".`);
      }
      add.push({ value: localId.local, type: localId.type });
    }
    const remove: Member[] = [];
    for (const { value, type } of change.remove ?? []) {
      for (const found of await this.localIds([value], type, options)) {
        remove.push({ value: found.local, type: found.type });
      }
    }
    return {
      ...(change.clear === true && { clear: true }),
      ...(add.length > 0 && { add }),
      ...(remove.length > 0 && { remove }),
    };
  }

  /** What the store calls the users and groups with these ids, of one type where it is given. */
  async localIds(
    ids: readonly string[],
    type: "User" | "Group" | undefined,
    options?: CallOptions,
  ): Promise<
    readonly { readonly id: string; readonly local: string; readonly type: "User" | "Group" }[]
  > {
    const types = type === undefined ? (["User", "Group"] as const) : [type];
    const found = [];
    for (const one of types) {
      for (const { id, localId } of await this.#identities[one].findAll(ids, options)) {
        found.push({ id, local: localId, type: one });
      }
    }
    return found;
  }
}
