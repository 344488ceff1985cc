import { InvalidValueError, NotFoundError, UniquenessError, UnsupportedError } from "concordat";
import {
  assertDeclared,
  type CallOptions,
  type Capabilities,
  GroupRepository,
  type Member,
  type MemberOptions,
  type MemberPage,
  type MembersChange,
  type Page,
  type Query,
  UserRepository,
  type WriteOptions,
} from "concordat/repositories";
import type { BoundFilter, Group, NewGroup, NewUser, User } from "concordat/scim";
import type { Domain, RpcServer } from "./rpc-server.js";

const maxPageSize = 20;

/** Calls a method, and finds the error in an answer that says that all is well. */
async function call<R>(
  server: RpcServer,
  method: string,
  params: readonly unknown[],
  options?: CallOptions,
): Promise<R> {
  options?.signal?.throwIfAborted();
  const { body } = await server.call(JSON.stringify({ method, params }));
  const { result, error }: { result: R; error?: readonly [string, string] } = JSON.parse(body);
  if (error === undefined) return result;
  const [kind, message] = error;
  if (kind === "KeyError") throw new NotFoundError(message);
  if (message.includes("same login")) throw new UniquenessError("userName");
  throw new InvalidValueError("members.value", message);
}

/** The number that an id is; there is no resource with another. */
function numberOf(id: string): number {
  return /^[1-9]\d{0,8}$/.test(id) ? Number(id) : 0;
}

/** The users of an application that has nothing but {@link RpcServer}. */
export class RpcUserRepository extends UserRepository {
  override readonly capabilities: Capabilities = {
    attributes: ["userName", "name.formatted", "title", "active"],
    filter: { userName: ["eq", "sw"], active: ["eq"] },
    logic: ["and"],
    maxPageSize,
    versions: "none",
    delete: "none",
    rename: true,
    sessions: false,
  };
  readonly #server: RpcServer;

  constructor(server: RpcServer) {
    super();
    this.#server = server;
  }

  override async get(id: string, options?: CallOptions): Promise<User | undefined> {
    const [user] = await this.#read([numberOf(id)], options);
    return user;
  }

  override async find(query: Query, options?: CallOptions): Promise<Page<User>> {
    assertDeclared(query, this.capabilities);
    const domain = query.filter === undefined ? [] : domainOf(query.filter);
    const startIndex = Math.max(query.startIndex ?? 1, 1);
    const count = Math.min(Math.max(query.count ?? maxPageSize, 0), maxPageSize);
    const ids = await call<number[]>(
      this.#server,
      "user.search",
      [domain, startIndex - 1, count],
      options,
    );
    return {
      totalResults: await call<number>(this.#server, "user.count", [domain], options),
      startIndex,
      resources: await this.#read(ids, options),
    };
  }

  override async create(resource: NewUser, options?: CallOptions): Promise<User> {
    const id = await this.#write("user.create", [toValues(resource)], resource.userName, options);
    return { ...toUser({ id, ...toValues(resource) }) };
  }

  override async replace(
    id: string,
    resource: NewUser | User,
    options?: CallOptions,
  ): Promise<User> {
    // The application writes to nobody without a word.
    if ((await this.get(id, options)) === undefined) throw new NotFoundError(id);
    const values = toValues(resource);
    await this.#write("user.write", [numberOf(id), values], resource.userName, options);
    return toUser({ id: numberOf(id), ...values });
  }

  override delete(): Promise<void> {
    return Promise.reject(new UnsupportedError("The application deletes nobody."));
  }

  async #write(
    method: string,
    params: readonly unknown[],
    userName: string,
    options?: CallOptions,
  ): Promise<number> {
    try {
      return await call<number>(this.#server, method, params, options);
    } catch (error) {
      if (!(error instanceof UniquenessError)) throw error;
      const domain: Domain = [["login", "=", userName]];
      const [holder] = await call<number[]>(this.#server, "user.search", [domain, 0, 1], options);
      throw new UniquenessError("userName", holder === undefined ? undefined : String(holder));
    }
  }

  async #read(ids: readonly number[], options?: CallOptions): Promise<User[]> {
    const rows = await call<RpcUserRow[]>(this.#server, "user.read", [ids], options);
    return rows.map(toUser);
  }
}

interface RpcUserRow {
  readonly id: number;
  readonly login: string;
  readonly name: string;
  readonly title: string;
  readonly active: boolean;
}

function toValues({
  userName,
  name,
  title = "",
  active = true,
}: NewUser | User): Omit<RpcUserRow, "id"> {
  return { login: userName, name: name?.formatted ?? "", title, active };
}

function toUser({ id, login, name, title, active }: RpcUserRow): User {
  return {
    id: String(id),
    userName: login,
    ...(name !== "" && { name: { formatted: name } }),
    ...(title !== "" && { title }),
    active,
  };
}

function domainOf(filter: BoundFilter): Domain {
  if (filter.operator === "and") return filter.filters.flatMap(domainOf);
  if (filter.operator !== "eq" && filter.operator !== "sw") return [];
  const field = filter.target.path === "active" ? "active" : "login";
  const value = typeof filter.value === "boolean" ? filter.value : String(filter.value);
  return [[field, filter.operator === "eq" ? "=" : "starts", value]];
}

/** The groups of an application that has nothing but {@link RpcServer}. */
export class RpcGroupRepository extends GroupRepository {
  override readonly capabilities: Capabilities = {
    attributes: ["displayName"],
    filter: {},
    maxPageSize,
    versions: "none",
    delete: "none",
    rename: true,
    sessions: false,
  };
  readonly #server: RpcServer;

  constructor(server: RpcServer) {
    super();
    this.#server = server;
  }

  override async get(
    id: string,
    options?: CallOptions & { attributes?: readonly string[] },
  ): Promise<Group | undefined> {
    const [group] = await this.#read([numberOf(id)], options);
    return group;
  }

  override async find(
    query: Query,
    options?: CallOptions & { attributes?: readonly string[] },
  ): Promise<Page<Group>> {
    assertDeclared(query, this.capabilities);
    const startIndex = Math.max(query.startIndex ?? 1, 1);
    const count = Math.min(Math.max(query.count ?? maxPageSize, 0), maxPageSize);
    const ids = await this.#call<number[]>("group.search", [startIndex - 1, count], options);
    return {
      totalResults: await this.#call<number>("group.count", [], options),
      startIndex,
      resources: await this.#read(ids, options),
    };
  }

  override async create(resource: NewGroup, options?: CallOptions): Promise<Group> {
    // A group cannot be taken back, so first of all its members are looked at.
    await this.#assertMembers(resource, options);
    const id = await this.#call<number>("group.create", [resource.displayName], options);
    await this.#setMembers(String(id), resource, options);
    return { id: String(id), displayName: resource.displayName };
  }

  override async replace(
    id: string,
    resource: NewGroup | Group,
    options?: WriteOptions,
  ): Promise<Group> {
    if ((await this.get(id, options)) === undefined) throw new NotFoundError(id);
    await this.#assertMembers(resource, options);
    await this.#call("group.write", [numberOf(id), resource.displayName], options);
    await this.#setMembers(id, resource, options);
    return { id, displayName: resource.displayName };
  }

  override delete(): Promise<void> {
    return Promise.reject(new UnsupportedError("The application deletes no group."));
  }

  override async members(
    id: string,
    { after, count = maxPageSize }: { after?: string; count?: number } = {},
    options?: CallOptions,
  ): Promise<MemberPage> {
    // A page begins after somebody, and not at a number, since members may leave meanwhile.
    const placeOf = ({ type, value }: Member): string => `${type} ${value.padStart(12, "0")}`;
    const all = (await this.#members(id, options))
      .map((member) => ({ ...member, place: placeOf(member) }))
      .sort((one, other) => (one.place < other.place ? -1 : 1))
      .filter(({ place }) => after === undefined || place > after);
    const page = all.slice(0, Math.min(Math.max(count, 1), maxPageSize));
    return {
      members: page.map(({ value, type }) => ({ value, type })),
      ...(all.length > page.length && { next: page.at(-1)?.place ?? "" }),
    };
  }

  override async whichAreMembers(
    id: string,
    ids: readonly string[],
    { type, ...options }: MemberOptions = {},
  ): Promise<ReadonlySet<string>> {
    const all = await this.#members(id, options).catch((error: unknown) => {
      if (error instanceof NotFoundError) return [];
      throw error;
    });
    const ofType = all.filter((member) => type === undefined || member.type === type);
    const values = new Set(ofType.map(({ value }) => value));
    return new Set(ids.filter((member) => values.has(member)));
  }

  override async groupsOf(
    memberId: string,
    { type, ...options }: MemberOptions = {},
  ): Promise<readonly string[]> {
    const sides = { User: "users", Group: "groups" };
    const found = new Set<string>();
    for (const one of type === undefined ? (["User", "Group"] as const) : [type]) {
      const params = [sides[one], numberOf(memberId)];
      for (const id of await this.#call<number[]>("group.of", params, options)) {
        found.add(String(id));
      }
    }
    return [...found];
  }

  override async changeMembers(
    id: string,
    { clear, add = [], remove = [] }: MembersChange,
    options?: CallOptions,
  ): Promise<void> {
    const leaving = clear === true ? await this.#members(id, options) : remove;
    const change = {
      add: sidesOf(add.map(({ value, type = "User" }) => ({ value, type }))),
      remove: sidesOf(
        leaving.flatMap(({ value, type }) =>
          type === undefined
            ? [
                { value, type: "User" },
                { value, type: "Group" },
              ]
            : [{ value, type }],
        ),
      ),
    };
    try {
      await this.#call("group.change", [numberOf(id), change], options);
    } catch (error) {
      if (error instanceof NotFoundError) throw new NotFoundError(id);
      throw error;
    }
  }

  async #assertMembers(
    { members = [] }: Pick<NewGroup, "members">,
    options?: CallOptions,
  ): Promise<void> {
    for (const member of members) {
      const method = typeOf(member) === "User" ? "user.read" : "group.read";
      const rows = await this.#call<unknown[]>(method, [[numberOf(member.value)]], options);
      if (rows.length === 0)
        throw new InvalidValueError("members.value", "There is no such member.");
    }
  }

  async #setMembers(
    id: string,
    { members }: Pick<NewGroup, "members">,
    options?: CallOptions,
  ): Promise<void> {
    if (members === undefined) return;
    const add = members.map((member) => ({ value: member.value, type: typeOf(member) }));
    await this.changeMembers(id, { clear: true, add }, options);
  }

  async #members(id: string, options?: CallOptions): Promise<Member[]> {
    try {
      const { users, groups } = await this.#call<Record<"users" | "groups", number[]>>(
        "group.members",
        [numberOf(id)],
        options,
      );
      return [
        ...users.map((value) => ({ value: String(value), type: "User" as const })),
        ...groups.map((value) => ({ value: String(value), type: "Group" as const })),
      ];
    } catch (error) {
      if (error instanceof NotFoundError) throw new NotFoundError(id);
      throw error;
    }
  }

  async #read(
    ids: readonly number[],
    options?: CallOptions & {
      attributes?: readonly string[];
      excludedAttributes?: readonly string[];
    },
  ): Promise<Group[]> {
    const rows = await this.#call<{ id: number; name: string }[]>("group.read", [ids], options);
    const isAsked =
      options?.attributes?.includes("members") === true &&
      options.excludedAttributes?.includes("members") !== true;
    const groups: Group[] = [];
    for (const { id, name } of rows) {
      const members = isAsked ? await this.#members(String(id), options) : [];
      groups.push({
        id: String(id),
        displayName: name,
        ...(members.length > 0 && { members }),
      });
    }
    return groups;
  }

  #call<R>(method: string, params: readonly unknown[], options?: CallOptions): Promise<R> {
    return call<R>(this.#server, method, params, options);
  }
}

function typeOf({ type = "User" }: { readonly type?: string }): "User" | "Group" {
  if (type === "User" || type === "Group") return type;
  throw new InvalidValueError("members.type", "It is User or Group.");
}

function sidesOf(
  members: readonly { readonly value: string; readonly type: string }[],
): Record<"users" | "groups", number[]> {
  const of = (type: string): number[] =>
    members.filter((member) => member.type === type).map(({ value }) => numberOf(value));
  return { users: of("User"), groups: of("Group") };
}
