import { InvalidValueError, NotFoundError, UniquenessError } from "concordat";
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
  assertText,
  type Domain,
  idOf,
  named,
  numberOf,
  refusedValue,
  type Tryton,
  type TrytonRecord,
  TrytonRefusal,
  textOf,
  timeOf,
} from "./client.ts";
import { hiddenLogins, type TrytonUserOptions, visibleUsers } from "./users.ts";

/** Options of {@link TrytonGroups}. */
export interface TrytonGroupOptions extends Pick<TrytonUserOptions, "hidden"> {
  /** Groups that are neither seen nor changed, by name in any case. Default: none. */
  readonly hiddenGroups?: readonly string[];
}

const model = "res.group";
const fields = ["name", "create_date", "write_date"];

/** The groups of Tryton (`res.group`). Their members are users; hidden ones are neither shown nor taken out. */
export class TrytonGroups extends GroupRepository {
  override readonly capabilities: Capabilities = {
    attributes: ["displayName", "members"],
    filter: { displayName: ["eq"] },
    maxPageSize: 100,
    versions: "none",
    delete: "hard",
    rename: true,
    sessions: false,
  };
  readonly #tryton: Tryton;
  readonly #visibleUsers: Domain;
  readonly #hidden: ReadonlySet<string>;

  constructor(tryton: Tryton, options: TrytonGroupOptions = {}) {
    super();
    this.#tryton = tryton;
    this.#visibleUsers = visibleUsers(hiddenLogins(tryton, options));
    this.#hidden = new Set((options.hiddenGroups ?? []).map(caseless));
  }

  override async get(id: string, options?: ReadOptions): Promise<Group | undefined> {
    const record = await this.#read(id, options);
    return record && (await this.#groupOf(record, options));
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
    options?.signal?.throwIfAborted();
    assertDeclared(query, this.capabilities);
    const { filter } = query;
    const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
    const count = Math.min(Math.max(Math.trunc(query.count ?? 100), 0), 100);
    const isNamed = filter !== undefined && "value" in filter;
    const name = isNamed ? String(filter.value) : undefined;
    const domain = name === undefined ? [] : named("name", name);
    const all = await this.#tryton.records(model, domain, fields, { signal: options?.signal });
    const found = all.filter(
      (one) =>
        this.#isVisible(one) &&
        (name === undefined || caseless(textOf(one["name"])) === caseless(name)),
    );
    const resources: Group[] = [];
    for (const record of found.slice(startIndex - 1, startIndex - 1 + count)) {
      resources.push(await this.#groupOf(record, options));
    }
    return { totalResults: found.length, startIndex, resources };
  }

  override async create(group: NewGroup, options?: CallOptions): Promise<Group> {
    assertName(group.displayName);
    const id = await this.#tryton.exclusively(async () => {
      options?.signal?.throwIfAborted();
      await this.#assertFree(group.displayName, undefined, options);
      const users = await this.#usersIn(group.members ?? [], options);
      const values = { name: group.displayName, users: [["add", users]] };
      const made = await refusing(() =>
        this.#tryton.call(model, "create", [[values]], options?.signal),
      );
      return String(Array.isArray(made) ? made[0] : made);
    });
    tellIgnored(group, options);
    return await this.#existing(id, options);
  }

  override async replace(
    id: string,
    group: NewGroup | Group,
    options?: CallOptions,
  ): Promise<Group> {
    assertName(group.displayName);
    await this.#tryton.exclusively(async () => {
      const record = await this.#read(id, options);
      if (record === undefined) throw new NotFoundError(id);
      const values: Record<string, unknown> = {};
      if (textOf(record["name"]) !== group.displayName) {
        await this.#assertFree(group.displayName, id, options);
        values["name"] = group.displayName;
      }
      if (group.members !== undefined) {
        const change = { clear: true, add: asUsers(group.members) };
        const steps = await this.#stepsOf(id, change, options);
        if (steps.length > 0) values["users"] = steps;
      }
      await this.#write(id, values, options);
    });
    tellIgnored(group, options);
    return await this.#existing(id, options);
  }

  /** The group is really deleted, and its members with it. One that a module of Tryton has brought is not. */
  override async delete(id: string, options?: CallOptions): Promise<void> {
    await this.#tryton.exclusively(async () => {
      if ((await this.#read(id, options)) === undefined) throw new NotFoundError(id);
      await refusing(() => this.#tryton.call(model, "delete", [[Number(id)]], options?.signal));
    });
  }

  override async members(
    id: string,
    { after, count = 100 }: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    if ((await this.#read(id, options)) === undefined) throw new NotFoundError(id);
    const from = after === undefined ? 0 : numberOf(after);
    if (from === undefined) throw new InvalidValueError("after", "it is not where a page ended.");
    const limit = Math.min(Math.max(Math.trunc(count), 1), 1_000);
    const domain = [...this.#membersOf(id), ["id", ">", from]];
    const page = { limit: limit + 1, signal: options?.signal };
    const found = await this.#tryton.ids("res.user", domain, page);
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
    const numbers = ids.flatMap((one) => numberOf(one) ?? []);
    if (options?.type === "Group" || numbers.length === 0) return new Set();
    if ((await this.#read(id, options)) === undefined) return new Set();
    const domain = [...this.#membersOf(id), ["id", "in", numbers]];
    const found = await this.#tryton.ids("res.user", domain, { signal: options?.signal });
    return new Set(found.map(String));
  }

  override async groupsOf(memberId: string, options?: MemberOptions): Promise<readonly string[]> {
    options?.signal?.throwIfAborted();
    const user = numberOf(memberId);
    if (options?.type === "Group" || user === undefined) return [];
    const domain = [["users", "in", [user]]];
    const found = await this.#tryton.records(model, domain, fields, { signal: options?.signal });
    return found.filter((one) => this.#isVisible(one)).map((one) => String(idOf(one)));
  }

  override async changeMembers(
    id: string,
    change: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    await this.#tryton.exclusively(async () => {
      if ((await this.#read(id, options)) === undefined) throw new NotFoundError(id);
      const steps = await this.#stepsOf(id, change, options);
      await this.#write(id, steps.length === 0 ? {} : { users: steps }, options);
    });
  }

  /** What Tryton has to do for a change of members: nothing for who is where they are to be. */
  async #stepsOf(
    id: string,
    { clear = false, add = [], remove = [] }: MembersChange,
    options: CallOptions | undefined,
  ): Promise<readonly unknown[]> {
    const wanted = await this.#usersIn(add, options);
    const named = remove.flatMap(({ value, type }) =>
      type === "Group" ? [] : (numberOf(value) ?? []),
    );
    const page = { signal: options?.signal };
    const among = clear ? [] : [["id", "in", [...wanted, ...named]]];
    const present = await this.#tryton.ids("res.user", [...this.#membersOf(id), ...among], page);
    const staying = new Set(wanted);
    const leaving = present.filter((user) => !staying.has(user) && (clear || named.includes(user)));
    const there = new Set(present);
    const coming = wanted.filter((user) => !there.has(user));
    return [
      ...(leaving.length === 0 ? [] : [["remove", leaving]]),
      ...(coming.length === 0 ? [] : [["add", coming]]),
    ];
  }

  /** The ids of users who are to be members. Tryton itself takes ids of nobody, on SQLite. */
  async #usersIn(
    members: readonly { readonly value?: string; readonly type?: string }[],
    options: CallOptions | undefined,
  ): Promise<readonly number[]> {
    const wanted = new Set<number>();
    for (const { value = "", type = "User" } of members) {
      if (type.toLowerCase() !== "user") {
        throw new InvalidValueError("members.type", "the members of Tryton's groups are users.");
      }
      const number = numberOf(value);
      if (number === undefined) {
        throw new InvalidValueError("members.value", `there is no user "${value}".`);
      }
      wanted.add(number);
    }
    if (wanted.size === 0) return [];
    const domain = [["id", "in", [...wanted]], this.#visibleUsers];
    const found = new Set(await this.#tryton.ids("res.user", domain, { signal: options?.signal }));
    for (const user of wanted) {
      if (found.has(user)) continue;
      throw new InvalidValueError("members.value", `there is no user "${user}".`);
    }
    return [...wanted];
  }

  #membersOf(id: string): Domain {
    return [["groups", "in", [Number(id)]], this.#visibleUsers];
  }

  async #write(
    id: string,
    values: Readonly<Record<string, unknown>>,
    options: CallOptions | undefined,
  ): Promise<void> {
    if (Object.keys(values).length === 0) return;
    await refusing(() =>
      this.#tryton.call(model, "write", [[Number(id)], values], options?.signal),
    );
  }

  async #assertFree(
    name: string,
    own: string | undefined,
    options: CallOptions | undefined,
  ): Promise<void> {
    const page = { signal: options?.signal };
    const found = await this.#tryton.records(model, named("name", name), fields, page);
    const holder = found.find((one) => caseless(textOf(one["name"])) === caseless(name));
    if (holder === undefined || String(holder["id"]) === own) return;
    const id = this.#isVisible(holder) ? String(holder["id"]) : undefined;
    throw new UniquenessError("displayName", id);
  }

  async #read(id: string, options: CallOptions | undefined): Promise<TrytonRecord | undefined> {
    options?.signal?.throwIfAborted();
    const number = numberOf(id);
    if (number === undefined) return undefined;
    const page = { limit: 1, signal: options?.signal };
    const [record] = await this.#tryton.records(model, [["id", "=", number]], fields, page);
    return record !== undefined && this.#isVisible(record) ? record : undefined;
  }

  #isVisible(record: TrytonRecord): boolean {
    return !this.#hidden.has(caseless(textOf(record["name"])));
  }

  async #existing(id: string, options?: CallOptions): Promise<Group> {
    const group = await this.get(id, options);
    if (group === undefined) throw new NotFoundError(id);
    return group;
  }

  async #groupOf(record: TrytonRecord, options: ReadOptions = {}): Promise<Group> {
    const { attributes, excludedAttributes, ...call } = options;
    const id = String(idOf(record));
    const created = timeOf(record["create_date"]);
    const lastModified = timeOf(record["write_date"]) ?? created;
    const group: Group = {
      id,
      displayName: textOf(record["name"]),
      meta: {
        resourceType: "Group",
        ...(created !== undefined && { created }),
        ...(lastModified !== undefined && { lastModified }),
      },
    };
    if (!attributes?.includes("members") || excludedAttributes?.includes("members")) return group;
    const page = { signal: call.signal };
    const members = await this.#tryton.ids("res.user", this.#membersOf(id), page);
    return {
      ...group,
      members: members.map((value) => ({ value: String(value), type: "User" as const })),
    };
  }
}

/** Members of a request, which are users where they do not say what they are. */
function asUsers(members: NonNullable<NewGroup["members"]>): readonly { readonly value: string }[] {
  return members.map(({ value = "", type = "User" }) => {
    if (type.toLowerCase() === "user") return { value };
    throw new InvalidValueError("members.type", "the members of Tryton's groups are users.");
  });
}

async function refusing<R>(call: () => Promise<R>): Promise<R> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof TrytonRefusal)) throw error;
    if (/must be unique/i.test(error.message)) {
      throw new UniquenessError("displayName", undefined, { cause: error });
    }
    throw refusedValue(error, "displayName");
  }
}

function assertName(name: string): void {
  if (name === "") throw new InvalidValueError("displayName", "it is empty.");
  assertText("displayName", name);
}

function tellIgnored(group: NewGroup | Group, options: CallOptions | undefined): void {
  const kept = ["schemas", "id", "meta", "displayName", "members"];
  const ignored = Object.entries(group).flatMap(([path, value]) =>
    value === undefined || kept.includes(path) ? [] : [path],
  );
  if (ignored.length > 0) options?.onIgnored?.(ignored);
}
