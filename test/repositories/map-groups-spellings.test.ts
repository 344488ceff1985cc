import {
  InMemoryGroupRepository,
  type MemberOptions,
  type MembersChange,
  mapGroups,
} from "concordat/repositories";
import { describe, expect, test } from "vitest";
import { kinds, type Stores, storesInMemory, usersIn } from "./map-groups-world.js";

/** External groups of a host's own that find members in any case, and have them in small letters where `canonical`. */
class Careless extends InMemoryGroupRepository {
  readonly #canonical: boolean;
  constructor(canonical: boolean) {
    super();
    this.#canonical = canonical;
  }
  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    const there = (await super.members(id)).members.filter(
      ({ type }) => type === (options?.type ?? type),
    );
    const known = new Set(there.map(({ value }) => value.toLowerCase()));
    return new Set(ids.filter((one) => known.has(one.toLowerCase())));
  }
  override whichExist: InMemoryGroupRepository["whichExist"] = async (memberships) => {
    const found = [];
    for (const one of memberships) {
      const options = one.type === undefined ? {} : { type: one.type };
      if ((await this.whichAreMembers(one.group, [one.member], options)).size > 0) found.push(one);
    }
    return found;
  };
  override async changeMembers(id: string, change: MembersChange): Promise<void> {
    const { remove = [], add = [], ...rest } = change;
    const { members } = await super.members(id);
    const leaving = new Set(remove.map(({ value }) => value.toLowerCase()));
    await super.changeMembers(id, {
      ...rest,
      remove: members.filter(({ value }) => leaving.has(value.toLowerCase())),
      add: add.map((one) => (this.#canonical ? { ...one, value: one.value.toLowerCase() } : one)),
    });
  }
}

const careless = (canonical: boolean) => async (): Promise<Stores> => ({
  ...storesInMemory(),
  external: new Careless(canonical),
  [Symbol.asyncDispose]: async () => {},
});

const worlds: Readonly<Record<string, () => Promise<Stores>>> = {
  ...kinds,
  "a careless store": careless(false),
  "a store with small letters": careless(true),
};

/** How a member is spelled who is added and removed, and whether all mappings are applied in between. */
const cases = ["USR-ADA", "usr-ada", "Usr-Ada"].flatMap((added, _, all) =>
  all.flatMap((removed) => [false, true].map((applied) => [added, removed, applied] as const)),
);

describe.each(Object.entries(worlds))("members who are mapped, in %s", (name, open) => {
  // Whom such a store has in small letters is known by them from then on; the capitals of that are tried too, and no
  // mixture is.
  const isMixed = (id: string): boolean =>
    name === "a store with small letters" && /[A-Z][a-z]/.test(id);

  test.each(cases.filter(([added, , applied]) => !(applied && isMixed(added))))(
    "are in the local group as in the external one: added as %s, removed as %s, applied between: %s",
    async (added, removed, applied) => {
      await using stores = await open();
      const groups = mapGroups(stores);
      const { id } = await groups.create({ displayName: "Engineers" });
      const team = await groups.local.create({ displayName: "Team" });
      await groups.map(id, team.id);
      const bob = { value: "bob", type: "User" as const };
      await groups.changeMembers(id, { add: [{ value: added, type: "User" }, bob] });
      expect(await usersIn(stores.local, team.id)).toEqual([added, "bob"].sort());
      if (applied) await groups.apply();
      await groups.changeMembers(id, { remove: [{ value: removed, type: "User" }] });
      const left = await usersIn(stores.external, id);
      expect(await usersIn(stores.local, team.id)).toEqual(left);
      await groups.changeMembers(id, { remove: [{ value: added, type: "User" }] });
      expect(await usersIn(stores.local, team.id)).toEqual(["bob"]);
    },
  );
});
