import {
  InvalidValueError,
  MutabilityError,
  NotFoundError,
  UniquenessError,
  UnsupportedError,
} from "concordat";
import {
  assertDeclared,
  type CallOptions,
  type Capabilities,
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type MembersChange,
  type Page,
  type Query,
  type ReadOptions,
} from "concordat/repositories";
import { caseless, type Group, type NewGroup } from "concordat/scim";
import type { Bridge } from "./bridge.ts";
import { numberOf, refusing } from "./users.ts";

const pageSize = 100;

/** The groups that the wiki's configuration declares in `$wgGroupPermissions`, and who is in them. */
export class WikiGroupRepository extends GroupRepository {
  override readonly capabilities: Capabilities = {
    attributes: ["displayName"],
    filter: { displayName: ["eq"] },
    maxPageSize: pageSize,
    versions: "none",
    create: "none",
    delete: "none",
    rename: false,
    sessions: false,
  };
  readonly #bridge: Bridge;

  constructor(bridge: Bridge) {
    super();
    this.#bridge = bridge;
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    const names = await this.#names(options);
    return names.includes(id) ? await this.#groupOf(id, options) : undefined;
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    options?.signal?.throwIfAborted();
    assertDeclared(query, this.capabilities);
    const { filter } = query;
    const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
    const count = Math.min(Math.max(Math.trunc(query.count ?? pageSize), 0), pageSize);
    const names = await this.#names(options);
    const wanted = filter?.operator === "eq" ? caseless(String(filter.value)) : undefined;
    const found = names.filter((name) => wanted === undefined || caseless(name) === wanted);
    const resources: Group[] = [];
    for (const name of found.slice(startIndex - 1, startIndex - 1 + count)) {
      resources.push(await this.#groupOf(name, options));
    }
    return { totalResults: found.length, startIndex, resources };
  }

  override async create({ displayName }: NewGroup, options?: CallOptions): Promise<Group> {
    const names = await this.#names(options);
    const there = names.find((name) => caseless(name) === caseless(displayName));
    if (there !== undefined) throw new UniquenessError("displayName", there);
    throw new UnsupportedError(
      `The wiki declares no group "${displayName}": it would have to stand in $wgGroupPermissions.`,
    );
  }

  override async replace(
    id: string,
    { displayName, members }: NewGroup | Group,
    options?: CallOptions,
  ): Promise<Group> {
    const names = await this.#names(options);
    if (!names.includes(id)) throw new NotFoundError(id);
    if (caseless(displayName) !== caseless(id)) {
      throw new MutabilityError(
        "displayName",
        `the wiki's group "${id}" is called so in $wgGroupPermissions; "${displayName}" is another one.`,
      );
    }
    if (members !== undefined) {
      await this.#change(id, { clear: true, add: usersAmong(members) }, options);
    }
    return await this.#groupOf(id);
  }

  override async delete(_id: string, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    throw new UnsupportedError("Groups are declared in $wgGroupPermissions, and not deleted.");
  }

  override async members(
    id: string,
    { after, count = pageSize }: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    const limit = Math.min(Math.max(Math.trunc(count), 1), pageSize);
    const args = { group: id, after: numberOf(after ?? ""), limit: limit + 1 };
    const found = await refusing(
      id,
      async () => (await this.#bridge.call("members", args, options)) as number[],
    );
    const members = found
      .slice(0, limit)
      .map((value) => ({ value: String(value), type: "User" as const }));
    const next = found.length > limit ? members.at(-1)?.value : undefined;
    return { members, ...(next !== undefined && { next }) };
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    options?: MemberOptions,
  ): Promise<ReadonlySet<string>> {
    options?.signal?.throwIfAborted();
    if (options?.type === "Group") return new Set();
    const numbers = ids.map(numberOf).filter((number) => number !== 0);
    const args = { group: id, ids: numbers };
    const found = (await this.#bridge.call("which", args, options)) as number[];
    return new Set(found.map(String));
  }

  override async groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    options?.signal?.throwIfAborted();
    if (options?.type === "Group") return [];
    const args = { id: numberOf(memberId) };
    return (await this.#bridge.call("groupsOf", args, options)) as string[];
  }

  override async changeMembers(
    id: string,
    change: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    await this.#change(id, change, options);
  }

  async #change(
    id: string,
    { clear = false, add = [], remove = [] }: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    options?.signal?.throwIfAborted();
    for (const { type = "User" } of add) assertUser(type);
    const removed = remove.filter(({ type }) => type !== "Group").map(({ value }) => value);
    const args = {
      group: id,
      clear,
      add: add.map(({ value }) => numberOf(value)),
      remove: removed.map(numberOf).filter((number) => number !== 0),
    };
    await refusing(id, () => this.#bridge.call("changeMembers", args, options));
  }

  async #names(options?: CallOptions): Promise<readonly string[]> {
    return (await this.#bridge.call("groups", {}, options)) as string[];
  }

  async #groupOf(name: string, options: ReadOptions = {}): Promise<Group> {
    const { attributes, excludedAttributes, ...call } = options;
    const group = { id: name, displayName: name };
    if (!attributes?.includes("members") || excludedAttributes?.includes("members")) return group;
    const members: { value: string; type: "User" }[] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.members(name, after === undefined ? {} : { after }, call);
      members.push(...page.members.map(({ value }) => ({ value, type: "User" as const })));
      after = page.next;
      if (after === undefined) return { ...group, members };
    }
  }
}

function usersAmong(
  members: readonly { readonly value: string; readonly type?: string }[],
): readonly { readonly value: string }[] {
  for (const { type = "User" } of members) assertUser(type);
  return members.map(({ value }) => ({ value }));
}

function assertUser(type: string): void {
  if (type.toLowerCase() !== "user") {
    throw new InvalidValueError("members.type", "the members of a wiki's group are users.");
  }
}
