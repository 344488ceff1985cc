import { caseless, NotFoundError, UniquenessError, UnsupportedError } from "../../core/index.js";
import {
  type Capabilities,
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type MembersChange,
  type Page,
  type Query,
  type ReadOptions,
  type ResourceRepository,
  UserRepository,
} from "../../repositories/index.js";
import { memberUri } from "../../repositories/internal.js";
import {
  bindFilter,
  eq,
  type Group,
  type NewGroup,
  type NewUser,
  type Resource,
  type User,
  userResourceType,
} from "../../scim/index.js";

/** The resources of a store as they would be after writes that were not made. */
class Overlay<T extends Resource, N> {
  readonly #stored: ResourceRepository<T, N>;
  readonly #nameOf: (resource: T) => string;
  readonly #written = new Map<string, T>();
  readonly #deleted = new Set<string>();
  #created = 0;

  constructor(stored: ResourceRepository<T, N>, nameOf: (resource: T) => string) {
    this.#stored = stored;
    this.#nameOf = nameOf;
  }

  newId(): string {
    this.#created++;
    return `dry-run:${this.#created}`;
  }

  isStored(id: string): boolean {
    return !id.startsWith("dry-run:");
  }

  async get(id: string, options?: ReadOptions): Promise<T | undefined> {
    if (this.#deleted.has(id)) return undefined;
    const written = this.#written.get(id);
    if (written !== undefined || !this.isStored(id)) return written;
    return await this.#stored.get(id, options);
  }

  async find(query: Query, naming: string, options?: ReadOptions): Promise<Page<T>> {
    const { filter } = query;
    if (filter?.operator !== "eq" || filter.target.path !== naming) {
      throw new UnsupportedError(`A dry run finds resources by "${naming}" only.`);
    }
    const key = caseless(String(filter.value));
    const stored = await this.#stored.find(query, options);
    const resources = [
      ...[...this.#written.values()].filter((one) => caseless(this.#nameOf(one)) === key),
      ...stored.resources.filter(({ id }) => !this.#written.has(id) && !this.#deleted.has(id)),
    ];
    return { totalResults: resources.length, startIndex: 1, resources };
  }

  set(resource: T): T {
    this.#written.set(resource.id, resource);
    return resource;
  }

  async delete(id: string): Promise<void> {
    if ((await this.get(id)) === undefined) throw new NotFoundError(id);
    this.#written.delete(id);
    this.#deleted.add(id);
  }
}

function readOnly(capabilities: Capabilities): Capabilities {
  return { ...capabilities, versions: "none", password: "none", sessions: false };
}

/** Users as they would be. Nothing is written to the store. */
export class DryRunUsers extends UserRepository {
  override readonly capabilities: Capabilities;
  readonly #users: Overlay<User, NewUser>;

  constructor(stored: UserRepository) {
    super();
    this.capabilities = readOnly(stored.capabilities);
    this.#users = new Overlay(stored, (user) => user.userName);
  }

  override get(id: string, options?: ReadOptions): Promise<User | undefined> {
    return this.#users.get(id, options);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    return this.#users.find(query, "userName", options);
  }

  override create(resource: NewUser): Promise<User> {
    return this.#store(this.#users.newId(), resource);
  }

  override async replace(id: string, resource: NewUser | User): Promise<User> {
    if ((await this.#users.get(id)) === undefined) throw new NotFoundError(id);
    return await this.#store(id, resource);
  }

  override delete(id: string): Promise<void> {
    return this.#users.delete(id);
  }

  async #store(id: string, { ...resource }: NewUser | User): Promise<User> {
    const filter = bindFilter(eq("userName", resource.userName), userResourceType);
    const page = await this.find({ filter });
    const other = page.resources.find((user) => user.id !== id);
    if (other !== undefined) throw new UniquenessError("userName", other.id);
    if ("password" in resource) delete resource.password;
    return this.#users.set({ ...resource, id });
  }
}

type Member = MemberPage["members"][number];

/** Groups, and who is in them, as they would be. Nothing is written to the store. */
export class DryRunGroups extends GroupRepository {
  override readonly capabilities: Capabilities;
  readonly #stored: GroupRepository;
  readonly #groups: Overlay<Group, NewGroup>;
  readonly #added = new Map<string, Map<string, Member>>();
  readonly #removed = new Map<string, Set<string>>();

  constructor(stored: GroupRepository) {
    super();
    this.capabilities = readOnly(stored.capabilities);
    this.#stored = stored;
    this.#groups = new Overlay(stored, (group) => group.displayName);
  }

  override get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    return this.#groups.get(id, options);
  }

  override find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    return this.#groups.find(query, "displayName", options);
  }

  override create({ members: _, ...resource }: NewGroup): Promise<Group> {
    return Promise.resolve(this.#groups.set({ ...resource, id: this.#groups.newId() }));
  }

  override async replace(
    id: string,
    { members: _, ...resource }: NewGroup | Group,
  ): Promise<Group> {
    if ((await this.#groups.get(id)) === undefined) throw new NotFoundError(id);
    return this.#groups.set({ ...resource, id });
  }

  override async delete(id: string): Promise<void> {
    await this.#groups.delete(id);
    this.#added.delete(id);
  }

  override async members(
    id: string,
    page: { after?: string; count?: number } = {},
  ): Promise<MemberPage> {
    const stored = this.#groups.isStored(id)
      ? await this.#stored.members(id, page)
      : { members: [] };
    const kept = stored.members.filter(
      (member) =>
        !this.#removed.get(id)?.has(memberUri({ type: member.type, resourceId: member.value })),
    );
    if ("next" in stored && stored.next !== undefined) return { ...stored, members: kept };
    return { members: [...kept, ...(this.#added.get(id)?.values() ?? [])] };
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    { type }: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    if ((await this.#groups.get(id)) === undefined) return found;
    const known = ids.filter((member) => this.#groups.isStored(member));
    for (const one of type === undefined ? memberTypes : [type]) {
      const stored = this.#groups.isStored(id)
        ? await this.#stored.whichAreMembers(id, known, { type: one })
        : new Set<string>();
      for (const value of ids) {
        const uri = memberUri({ type: one, resourceId: value });
        const isKept = stored.has(value) && this.#removed.get(id)?.has(uri) !== true;
        if (isKept || this.#added.get(id)?.has(uri) === true) found.add(value);
      }
    }
    return found;
  }

  override async groupsOf(
    memberId: string,
    { type }: MemberOptions = {},
  ): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const one of type === undefined ? memberTypes : [type]) {
      const uri = memberUri({ type: one, resourceId: memberId });
      const stored = this.#groups.isStored(memberId)
        ? await this.#stored.groupsOf(memberId, { type: one })
        : [];
      for (const id of stored) if (!this.#removed.get(id)?.has(uri)) found.add(id);
      for (const [id, members] of this.#added) if (members.has(uri)) found.add(id);
    }
    return [...found];
  }

  override async changeMembers(id: string, change: MembersChange): Promise<void> {
    if ((await this.#groups.get(id)) === undefined) throw new NotFoundError(id);
    if (change.clear === true) throw new UnsupportedError("A dry run changes members one by one.");
    const added = this.#added.get(id) ?? new Map<string, Member>();
    const removed = this.#removed.get(id) ?? new Set<string>();
    for (const { value, type = "User" } of change.add ?? []) {
      const uri = memberUri({ type, resourceId: value });
      removed.delete(uri);
      added.set(uri, { value, type });
    }
    for (const { value, type } of change.remove ?? []) {
      for (const one of type === undefined ? memberTypes : [type]) {
        const uri = memberUri({ type: one, resourceId: value });
        added.delete(uri);
        removed.add(uri);
      }
    }
    this.#added.set(id, added);
    this.#removed.set(id, removed);
  }
}

const memberTypes: readonly Member["type"][] = ["User", "Group"];
