import { InvalidValueError, NotFoundError, UniquenessError, UnsupportedError } from "concordat";
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
import {
  fieldsOf,
  itemsOf,
  messageOf,
  messagesOf,
  missingRight,
  type RequestTracker,
  textOf,
} from "./client.ts";
import { assertText } from "./fields.ts";
import { hiddenBy, numberOf, spellingsOf, type UserOptions } from "./users.ts";

/** A member as Request Tracker lists it. */
interface RtMember {
  readonly value: string;
  readonly type: "User" | "Group";
}

/** Of how many members at most each is looked for by a request of its own: a list of all has a hundred in a request. */
const few = 10;

/**
 * The groups of Request Tracker that are made by people (`UserDefined`), with users and groups as members. Those of its
 * own, such as `Everyone` and the roles, are not among them. A group is not deleted, since rights are granted to it.
 */
export class RequestTrackerGroups extends GroupRepository {
  override readonly capabilities: Capabilities = {
    attributes: ["displayName", "members"],
    filter: { displayName: ["eq"] },
    maxPageSize: 100,
    versions: "none",
    delete: "none",
    rename: true,
    sessions: false,
    deletedMembers: "stay",
  };
  readonly #rt: RequestTracker;
  readonly #isHidden: (name: string) => boolean;

  /** @param options.hidden groups that synchronisation neither sees nor changes, by name in any case. Default: none. */
  constructor(rt: RequestTracker, options: Pick<UserOptions, "hidden"> = {}) {
    super();
    this.#rt = rt;
    this.#isHidden = hiddenBy(options.hidden ?? []);
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    const stored = await this.#read(id, options);
    if (stored === undefined) return undefined;
    return await this.#withMembers(toGroup(id, textOf(stored["Name"])), options);
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    assertDeclared(query, this.capabilities);
    const { filter } = query;
    const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
    const count = Math.min(Math.max(Math.trunc(query.count ?? 100), 0), 100);
    const name = filter !== undefined && "value" in filter ? String(filter.value) : undefined;
    const found = new Map<string, string>();
    for (const spelling of name === undefined ? [undefined] : spellingsOf(name)) {
      for (const [id, itsName] of await this.#names(spelling, options)) found.set(id, itsName);
    }
    const page = [...found].slice(startIndex - 1, startIndex - 1 + count);
    const resources: Group[] = [];
    for (const [id, displayName] of page) {
      resources.push(await this.#withMembers(toGroup(id, displayName), options));
    }
    return { totalResults: found.size, startIndex, resources };
  }

  override async create(group: NewGroup, options?: CallOptions): Promise<Group> {
    assertName(group.displayName);
    const members = (group.members ?? []).map(({ value, type }) => ({ value: value ?? "", type }));
    for (const { value, type } of members) await this.#assertMember(value, type, options);
    const { status, body, created } = await this.#rt.request("POST", "group", {
      body: { Name: group.displayName },
      signal: options?.signal,
    });
    if (status !== 201 || created === undefined) {
      throw await this.#refusal(body, group.displayName, options);
    }
    if (members.length > 0) {
      await this.changeMembers(created, { add: members.map(withType) }, options);
    }
    tellIgnored(group, options);
    const stored = await this.get(created, options);
    if (stored === undefined) throw new NotFoundError(created);
    return stored;
  }

  override async replace(
    id: string,
    group: NewGroup | Group,
    options?: CallOptions,
  ): Promise<Group> {
    const stored = await this.#read(id, options);
    if (stored === undefined) throw new NotFoundError(id);
    const members = group.members?.map(({ value, type }) => withType({ value: value ?? "", type }));
    for (const { value, type } of members ?? []) await this.#assertMember(value, type, options);
    if (textOf(stored["Name"]) !== group.displayName) {
      assertName(group.displayName);
      const { body } = await this.#rt.request("PUT", `group/${id}`, {
        body: { Name: group.displayName },
        signal: options?.signal,
      });
      const now = await this.#read(id, options);
      if (now === undefined) throw new NotFoundError(id);
      if (textOf(now["Name"]) !== group.displayName) {
        throw await this.#refusal(body, group.displayName, options);
      }
    }
    if (members !== undefined) await this.changeMembers(id, { clear: true, add: members }, options);
    tellIgnored(group, options);
    const now = await this.get(id, options);
    if (now === undefined) throw new NotFoundError(id);
    return now;
  }

  override async delete(id: string, options?: CallOptions): Promise<void> {
    if ((await this.#read(id, options)) === undefined) throw new NotFoundError(id);
    throw new UnsupportedError("Groups of Request Tracker are not deleted.");
  }

  override async members(
    id: string,
    { after, count = 100 }: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    if ((await this.#read(id, options)) === undefined) throw new NotFoundError(id);
    if (after !== undefined && !isNumber(after)) {
      throw new InvalidValueError("after", "it is not where a page ended.");
    }
    // Users and groups have numbers of one kind. A page begins after a number, since members may leave meanwhile.
    const all = [...(await this.#members(id, options))].sort(
      (one, other) => Number(one.value) - Number(other.value),
    );
    const left = all.filter(({ value }) => Number(value) > Number(after ?? 0));
    const members = left.slice(0, Math.max(count, 1));
    const next = left.length > members.length ? members.at(-1)?.value : undefined;
    return { members, ...(next === undefined ? {} : { next }) };
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    options: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    if ((await this.#read(id, options)) === undefined) return new Set();
    const members = await this.#among(id, ids, options);
    const { type } = options;
    return new Set(
      members.filter((one) => type === undefined || type === one.type).map(({ value }) => value),
    );
  }

  override async groupsOf(
    memberId: string,
    options: MemberOptions = {},
  ): Promise<readonly string[]> {
    if (!isNumber(memberId)) return [];
    const names = await this.#names(undefined, options);
    // Of a user, Request Tracker knows the groups, and names those that the user is in by other groups, too.
    const own = options.type === "User" ? await this.#groupsOfUser(memberId, options) : undefined;
    const found: string[] = [];
    for (const id of names.keys()) {
      if (own?.has(id) === false) continue;
      const [member] = await this.#among(id, [memberId], options);
      if (member === undefined) continue;
      if (options.type === undefined || options.type === member.type) found.push(id);
    }
    return found;
  }

  override async changeMembers(
    id: string,
    { clear, add = [], remove = [] }: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    if ((await this.#read(id, options)) === undefined) throw new NotFoundError(id);
    for (const { value, type } of add) await this.#assertMember(value, type, options);
    const wanted = new Map(add.map((member) => [keyOf(withType(member)), withType(member)]));
    const named = [...add, ...remove].map(({ value }) => value);
    const present =
      clear === true
        ? await this.#members(id, options)
        : await this.#among(id, remove.length > 0 ? named : [], options);
    const leaving = present.filter((member) => {
      if (clear === true) return !wanted.has(keyOf(member));
      const isMeant = remove.some(
        ({ value, type }) => value === member.value && (type ?? member.type) === member.type,
      );
      return isMeant && !wanted.has(keyOf(member));
    });
    const there = new Set(present.map(keyOf));
    const coming = [...wanted.values()].filter((member) => !there.has(keyOf(member)));
    for (const { value } of leaving) {
      await this.#rt.request("DELETE", `group/${id}/member/${value}`, { signal: options?.signal });
    }
    // A thousand at once are one request, and texts, since it takes no numbers. Who is a member already stays one.
    for (let start = 0; start < coming.length; start += 1_000) {
      await this.#rt.request("PUT", `group/${id}/members`, {
        body: coming.slice(start, start + 1_000).map(({ value }) => value),
        signal: options?.signal,
      });
    }
    const changed = [...leaving, ...coming];
    if (changed.length === 0) return;
    // It answers 200 to what it has not done, so what there is now is what counts.
    const values = changed.map(({ value }) => value);
    const now = new Set((await this.#among(id, values, options)).map(keyOf));
    if (coming.some((member) => !now.has(keyOf(member)))) {
      throw new InvalidValueError("members", "Request Tracker has not taken one of them.");
    }
    if (leaving.some((member) => now.has(keyOf(member)))) {
      throw new InvalidValueError("members", "Request Tracker has kept one of them.");
    }
  }

  /** Those of these ids that are members: a few by a request each, many by a list of all. */
  async #among(
    id: string,
    ids: readonly string[],
    options: CallOptions | undefined,
  ): Promise<readonly RtMember[]> {
    const asked = new Set(ids.filter(isNumber));
    if (asked.size > few) {
      return (await this.#members(id, options)).filter(({ value }) => asked.has(value));
    }
    const found: RtMember[] = [];
    for (const value of asked) {
      const { body } = await this.#rt.request("GET", `group/${id}/member/${value}`, {
        signal: options?.signal,
      });
      found.push(...itemsOf(body).flatMap(memberOf));
    }
    return found;
  }

  async #groupsOfUser(id: string, options: CallOptions): Promise<ReadonlySet<string>> {
    const groups = new Set<string>();
    for (let page = 1; ; page++) {
      const { body } = await this.#rt.request("GET", `user/${id}/groups`, {
        query: { per_page: "100", page: String(page) },
        signal: options.signal,
      });
      const items = itemsOf(body);
      for (const item of items) groups.add(numberOf(item) ?? "");
      if (items.length < 100) return groups;
    }
  }

  async #read(
    id: string,
    options: CallOptions | undefined,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    if (!isNumber(id)) return undefined;
    const { status, body } = await this.#rt.request("GET", `group/${id}`, {
      signal: options?.signal,
    });
    const fields = fieldsOf(body);
    if (status !== 200 || textOf(fields["Domain"]) !== "UserDefined") return undefined;
    return this.#isHidden(textOf(fields["Name"])) ? undefined : fields;
  }

  async #members(id: string, options: CallOptions | undefined): Promise<readonly RtMember[]> {
    const members: RtMember[] = [];
    for (let page = 1; ; page++) {
      const { body } = await this.#rt.request("GET", `group/${id}/members`, {
        query: { users: "1", groups: "1", orderby: "id", per_page: "100", page: String(page) },
        signal: options?.signal,
      });
      const items = itemsOf(body);
      members.push(...items.flatMap(memberOf));
      if (items.length < 100) return members;
    }
  }

  async #withMembers(group: Group, options: ReadOptions | undefined): Promise<Group> {
    const isAsked = options?.attributes?.includes("members") === true;
    if (!isAsked || options.excludedAttributes?.includes("members")) return group;
    return { ...group, members: await this.#members(group.id, options) };
  }

  /** The names of all groups by their ids, or of those with a name in any case. */
  async #names(
    name: string | undefined,
    options: CallOptions | undefined,
  ): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    for (let page = 1; ; page++) {
      const { body } = await this.#rt.request("GET", "groups", {
        query: {
          query: JSON.stringify([
            name === undefined
              ? { field: "id", operator: ">", value: "0" }
              : { field: "Name", operator: "=", value: name },
          ]),
          fields: "Name",
          find_disabled_rows: "1",
          orderby: "id",
          order: "ASC",
          per_page: "100",
          page: String(page),
        },
        signal: options?.signal,
      });
      const items = itemsOf(body);
      for (const item of items) {
        const id = numberOf(item);
        const itsName = textOf(item["Name"]);
        const isMeant = name === undefined || caseless(itsName) === caseless(name);
        if (id !== undefined && isMeant && !this.#isHidden(itsName)) names.set(id, itsName);
      }
      if (items.length < 100) return names;
    }
  }

  async #assertMember(
    value: string,
    type: string | undefined,
    options: CallOptions | undefined,
  ): Promise<void> {
    const path = type === "Group" ? `group/${value}` : `user/${value}`;
    const found = isNumber(value)
      ? await this.#rt.request("GET", path, { signal: options?.signal })
      : undefined;
    if (found?.status !== 200) {
      throw new InvalidValueError("members", "one of them does not exist.");
    }
  }

  async #refusal(body: unknown, name: string, options: CallOptions | undefined): Promise<Error> {
    const message = messageOf(body);
    if (messagesOf(body).some((one) => /\bin use$/i.test(one))) {
      const [holder] = (await this.#names(name, options)).keys();
      return new UniquenessError("displayName", holder);
    }
    return (
      missingRight(body) ??
      new InvalidValueError("displayName", `Request Tracker does not take it: ${message}`)
    );
  }
}

function toGroup(id: string, displayName: string): Group {
  return { id, meta: { resourceType: "Group" }, displayName };
}

function memberOf(item: Readonly<Record<string, unknown>>): readonly RtMember[] {
  const value = numberOf(item);
  const type = textOf(item["type"]) === "group" ? "Group" : "User";
  return value === undefined ? [] : [{ value, type }];
}

/** Whether it can be the id of a user or a group. */
function isNumber(id: string): boolean {
  return /^[1-9]\d{0,17}$/.test(id);
}

function withType({ value, type }: { value: string; type?: string | undefined }): RtMember {
  return { value, type: type === "Group" ? "Group" : "User" };
}

function keyOf({ value, type }: RtMember): string {
  return `${type}/${value}`;
}

function assertName(name: string): void {
  if (/^\d+$/.test(name)) {
    throw new InvalidValueError("displayName", "Request Tracker takes a number for an id.");
  }
  if (name.trim() !== name || name === "") {
    throw new InvalidValueError("displayName", "it is empty, or has a space at one end.");
  }
  assertText("displayName", name, 200);
}

function tellIgnored(group: NewGroup | Group, options: CallOptions | undefined): void {
  const kept = ["schemas", "id", "meta", "displayName", "members"];
  const ignored = Object.entries(group).flatMap(([name, value]) =>
    value === undefined || kept.includes(name) ? [] : [name],
  );
  if (ignored.length > 0) options?.onIgnored?.(ignored);
}
