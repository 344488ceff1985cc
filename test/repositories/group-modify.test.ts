import {
  type CallOptions,
  type Capabilities,
  GroupRepository,
  InMemoryGroupRepository,
  type MemberOptions,
  type MemberPage,
  type MembersChange,
  type Page,
  type Query,
  type ReadOptions,
  type WriteOptions,
} from "concordat/repositories";
import type { Group, NewGroup } from "concordat/scim";
import { beforeEach, expect, test } from "vitest";

/** A host's repository that overrides nothing of what has a default. */
class PlainGroupRepository extends GroupRepository {
  readonly #store = new InMemoryGroupRepository();
  override readonly capabilities: Capabilities = this.#store.capabilities;
  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.#store.get(id, options);
  }
  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return this.#store.find(query, options);
  }
  override create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    return this.#store.create(resource, options);
  }
  override replace(id: string, resource: NewGroup | Group, options?: WriteOptions): Promise<Group> {
    return this.#store.replace(id, resource, options);
  }
  override delete(id: string, options?: WriteOptions): Promise<void> {
    return this.#store.delete(id, options);
  }
  override members(id: string, page?: { after?: string; count?: number }): Promise<MemberPage> {
    return this.#store.members(id, page);
  }
  override whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    return this.#store.whichAreMembers(id, ids, options);
  }
  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.#store.groupsOf(memberId, options);
  }
  override changeMembers(id: string, change: MembersChange): Promise<void> {
    return this.#store.changeMembers(id, change);
  }
}

const repositories = { "by default": PlainGroupRepository, "in memory": InMemoryGroupRepository };

for (const [title, Repository] of Object.entries(repositories)) {
  let groups: GroupRepository;
  let id: string;

  const members = async (): Promise<string[]> =>
    (await groups.members(id)).members.map((member) => member.value);

  beforeEach(async () => {
    groups = new Repository();
    const group = await groups.create({ displayName: "staff", members: [{ value: "ann" }] });
    id = group.id;
  });

  test(`${title}, a computed change sees what it reads and changes members too`, async () => {
    await groups.modify(id, {
      reads: ["members"],
      plan: (current) => ({
        set: { displayName: `${current.displayName} (${current.members?.length ?? 0})` },
        relations: { members: { add: [{ value: "bob" }] } },
      }),
    });
    expect(await groups.get(id)).toMatchObject({ displayName: "staff (1)" });
    expect(await members()).toEqual(["ann", "bob"]);
  });

  test(`${title}, members that were read are not written back`, async () => {
    let meanwhile: Promise<void> = Promise.resolve();
    await groups.modify(id, {
      reads: ["members"],
      plan: () => {
        meanwhile = groups.changeMembers(id, { add: [{ value: "bob" }] });
        return { set: { displayName: "crew" } };
      },
    });
    await meanwhile;
    expect(await members()).toEqual(["ann", "bob"]);
  });

  test(`${title}, members can be set and unset whole`, async () => {
    await groups.modify(id, { set: { members: [{ value: "bob" }, { value: "eve" }] } });
    expect(await members()).toEqual(["bob", "eve"]);
    await groups.modify(id, { unset: ["members"] });
    expect(await members()).toEqual([]);
  });

  test(`${title}, members alone are changed only in the version that is asked for`, async () => {
    const ifVersion = (await groups.get(id))?.meta?.version ?? "";
    await groups.replace(id, { displayName: "crew" });
    const change = { relations: { members: { add: [{ value: "bob" }] } } };
    await expect(groups.modify(id, change, { ifVersion })).rejects.toMatchObject({
      code: "version_conflict",
    });
    await expect(groups.modify("nobody", change, { ifVersion })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await members()).toEqual(["ann"]);
    const now = (await groups.get(id))?.meta?.version ?? "";
    await groups.modify(id, change, { ifVersion: now });
    expect(await members()).toEqual(["ann", "bob"]);
  });

  test(`${title}, members alone are changed without reading the group`, async () => {
    await groups.modify(id, {
      relations: { members: { remove: [{ value: "ann" }], add: [{ value: "bob" }] } },
    });
    expect(await members()).toEqual(["bob"]);
  });
}
