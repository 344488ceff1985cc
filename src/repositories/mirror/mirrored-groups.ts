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
import type { Member } from "../member-types.js";
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
    resource: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    const { members, ...group } = resource;
    const changes = members === undefined ? [] : [{ clear: true, add: typedMembers(members) }];
    return await this.#mirror.inTurn(
      id,
      (before, conditions) =>
        this.#write(id, before, group, changes, conditions, () =>
          this.#copy.replace(id, resource, conditions),
        ),
      options,
    );
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
        await this.#write(id, before, next, membersChanges(changes), conditions, () =>
          this.#copy.modify(id, changes, conditions),
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
      async ({ members: _, ...group }) => {
        await this.#target.changeMembers(group, change, call);
        await orTakenBack(
          () => this.#copy.changeMembers(id, change, call),
          () => this.#restoreMembers(id, group),
        );
      },
      call,
    );
  }

  /** Writes a group to the target, then to the copy. What one of them refuses is taken back from the target, whole. */
  async #write<R>(
    id: string,
    { members: _, ...was }: Group,
    next: NewGroup,
    changes: readonly MembersChange[],
    options: CallOptions,
    write: () => Promise<R>,
  ): Promise<R> {
    await this.#target.change(next, was, options);
    let isChanged = false;
    return await orTakenBack(
      async () => {
        for (const change of changes) {
          await this.#target.changeMembers(next, change, options);
          isChanged = true;
        }
        return await write();
      },
      async () => {
        await this.#target.change(was, next);
        if (isChanged) await this.#restoreMembers(id, was);
      },
    );
  }

  /** Gives a group of the target the members that the copy says it has. */
  async #restoreMembers(id: string, group: NewGroup): Promise<void> {
    const add: Member[] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.#copy.members(id, after === undefined ? {} : { after });
      add.push(...page.members);
      after = page.next;
      if (after === undefined) break;
    }
    await this.#target.changeMembers(group, { clear: true, add });
  }
}
