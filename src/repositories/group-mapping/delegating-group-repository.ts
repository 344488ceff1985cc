import type { Group, NewGroup, ResourceType } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import {
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type Membership,
} from "../group-repository.js";
import type { Page, Query } from "../query.js";
import type { CallOptions, ReadOptions } from "../resource-repository.js";

/** Groups of another repository, whose changes are the business of a subclass. */
export abstract class DelegatingGroupRepository extends GroupRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  protected readonly groups: GroupRepository;

  constructor(groups: GroupRepository) {
    super();
    this.groups = groups;
    this.type = groups.type;
    this.capabilities = groups.capabilities;
  }

  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.groups.get(id, options);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return this.groups.find(query, options);
  }

  override create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    return this.groups.create(resource, options);
  }

  override members(
    id: string,
    page?: { after?: string; count?: number },
    options?: CallOptions,
  ): Promise<MemberPage> {
    return this.groups.members(id, page, options);
  }

  override whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    return this.groups.whichAreMembers(id, ids, options);
  }

  override whichExist(
    memberships: readonly Membership[],
    options?: CallOptions,
  ): Promise<readonly Membership[]> {
    return this.groups.whichExist(memberships, options);
  }

  override groupsOfEach(
    memberIds: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.groups.groupsOfEach(memberIds, options);
  }

  override groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    return this.groups.groupsOf(memberId, options);
  }
}
