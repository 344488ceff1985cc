import { caseless, NotFoundError, UniquenessError, UnsupportedError } from "../core/index.js";
import {
  type Capabilities,
  GroupRepository,
  type MemberPage,
  type MembersChange,
  type Page,
  type Query,
  type ReadOptions,
  type ResourceRepository,
  UserRepository,
} from "../repositories/index.js";
import type { Group, NewGroup, NewUser, Resource, User } from "../scim/index.js";

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
    if (filter?.path !== naming || typeof filter.value !== "string") {
      throw new UnsupportedError(`A dry run finds resources by "${naming}" only.`);
    }
    const key = caseless(filter.value);
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
  return { ...capabilities, versions: "none", sessions: false };
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
    const page = await this.find({
      filter: { operator: "eq", path: "userName", value: resource.userName },
    });
    const other = page.resources.find((user) => user.id !== id);
    if (other !== undefined) throw new UniquenessError("userName", other.id);
    if ("password" in resource) delete resource.password;
    return this.#users.set({ ...resource, id });
  }
}

/** Groups, and who is in them, as they would be. Nothing is written to the store. */
export class DryRunGroups extends GroupRepository {
  override readonly capabilities: Capabilities;
  readonly #stored: GroupRepository;
  readonly #groups: Overlay<Group, NewGroup>;
  readonly #added = new Map<string, Map<string, "User" | "Group">>();
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
    const kept = stored.members.filter(({ value }) => !this.#removed.get(id)?.has(value));
    if ("next" in stored && stored.next !== undefined) return { ...stored, members: kept };
    const added = [...(this.#added.get(id) ?? [])].map(([value, type]) => ({ value, type }));
    return { members: [...kept, ...added] };
  }

  override async whichAreMembers(id: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    if ((await this.#groups.get(id)) === undefined) return new Set();
    const known = ids.filter((member) => this.#groups.isStored(member));
    const stored = this.#groups.isStored(id)
      ? await this.#stored.whichAreMembers(id, known)
      : new Set<string>();
    return new Set(
      ids.filter(
        (member) =>
          this.#added.get(id)?.has(member) === true ||
          (stored.has(member) && this.#removed.get(id)?.has(member) !== true),
      ),
    );
  }

  override async groupsOf(memberId: string): Promise<readonly string[]> {
    const stored = this.#groups.isStored(memberId) ? await this.#stored.groupsOf(memberId) : [];
    const added = [...this.#added].flatMap(([id, members]) => (members.has(memberId) ? [id] : []));
    return [...stored.filter((id) => !this.#removed.get(id)?.has(memberId)), ...added];
  }

  override async changeMembers(id: string, change: MembersChange): Promise<void> {
    if ((await this.#groups.get(id)) === undefined) throw new NotFoundError(id);
    if (change.clear === true) throw new UnsupportedError("A dry run changes members one by one.");
    const added = this.#added.get(id) ?? new Map<string, "User" | "Group">();
    const removed = this.#removed.get(id) ?? new Set<string>();
    for (const { value, type } of change.add ?? []) {
      removed.delete(value);
      added.set(value, type ?? "User");
    }
    for (const value of change.remove ?? []) {
      added.delete(value);
      removed.add(value);
    }
    this.#added.set(id, added);
    this.#removed.set(id, removed);
  }
}
