import type { Group, NewGroup, ResourceType } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import {
  applyChangeSet,
  changeSetFor,
  type MembersChange,
  type Modification,
  membersChanges,
} from "../change-set.js";
import { GroupRepository, type MemberOptions, type MemberPage } from "../group-repository.js";
import { typedMembers } from "../member-types.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions, WriteOptions } from "../resource-repository.js";
import { Mirror, orTakenBack } from "./mirror.js";
import type { MirroredGroups } from "./mirror-target.js";

/** Groups of a target that cannot be read. */
export class MirroredGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  readonly #target: MirroredGroups;
  readonly #copy: GroupRepository;
  readonly #mirror: Mirror<Group, NewGroup>;

  constructor(target: MirroredGroups, copy: GroupRepository) {
    super();
    this.type = copy.type;
    this.capabilities = copy.capabilities;
    this.#target = target;
    this.#copy = copy;
    this.#mirror = new Mirror<Group, NewGroup>(target, copy);
  }

  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.#copy.get(id, options);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return this.#copy.find(query, options);
  }

  override async create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    const { members = [], ...group } = resource;
    await this.#target.create(group, options);
    return await orTakenBack(
      async () => {
        if (members.length > 0) {
          await this.#target.changeMembers(group, { add: typedMembers(members) }, options);
        }
        return await this.#copy.create(resource, options);
      },
      () => this.#target.delete(group),
    );
  }

  override async replace(
    id: string,
    { members, ...group }: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    const replaced = await this.#mirror.change(
      id,
      () => group,
      (conditions) => this.#copy.replace(id, group, conditions),
      options,
    );
    if (members === undefined) return replaced;
    await this.changeMembers(id, { clear: true, add: typedMembers(members) }, options);
    return (await this.#copy.get(id)) ?? replaced;
  }

  override async modify(
    id: string,
    modification: Modification<Group, NewGroup>,
    options?: WriteOptions,
  ): Promise<void> {
    if (!("plan" in modification) && options?.ifVersion === undefined) {
      const { set, unset, relations } = modification;
      if (set === undefined && unset === undefined && relations?.members !== undefined) {
        return await this.changeMembers(id, relations.members, options);
      }
    }
    const attributes = "plan" in modification ? modification.reads : [];
    await this.#mirror.inTurn(
      id,
      async (before, conditions) => {
        const changes = changeSetFor(modification, before);
        const { members: _, ...next } = applyChangeSet(this.type, before, changes);
        const { members: __, ...was } = before;
        await this.#target.change(next, was, conditions);
        await orTakenBack(
          async () => {
            for (const change of membersChanges(changes)) {
              await this.#target.changeMembers(next, change, conditions);
            }
            await this.#copy.modify(id, changes, conditions);
          },
          () => this.#target.change(was, next),
        );
      },
      { ...options, attributes },
    );
  }

  override async delete(id: string, options?: WriteOptions): Promise<void> {
    await this.#mirror.delete(id, options);
  }

  override members(
    id: string,
    page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage> {
    return this.#copy.members(id, page, options);
  }

  override whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    return this.#copy.whichAreMembers(id, ids, options);
  }

  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.#copy.groupsOf(memberId, options);
  }

  override groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#copy.groupsOfEach(memberIds, options);
  }

  override changeMembers(id: string, change: MembersChange, options?: CallOptions): Promise<void> {
    const call = options?.signal === undefined ? {} : { signal: options.signal };
    return this.#mirror.inTurn(
      id,
      async (group) => {
        await this.#target.changeMembers(group, change, call);
        await this.#copy.changeMembers(id, change, call);
      },
      call,
    );
  }
}
