/** A user as the application has it. */
interface RpcUser {
  readonly id: number;
  login: string;
  name: string;
  title: string;
  active: boolean;
}

interface RpcGroup {
  readonly id: number;
  name: string;
  readonly users: Set<number>;
  readonly groups: Set<number>;
}

/** What the application answers: always with status 200, also where it refuses. */
export interface RpcResponse {
  readonly status: 200;
  readonly body: string;
}

type Params = readonly never[];

/**
 * An application that has nothing but remote procedure calls: ids that are small numbers and the same for users and
 * groups, one call after the other and no transaction over several, no call that deletes, and errors in answers with
 * status 200.
 */
export class RpcServer {
  /** How often each method was called. */
  readonly calls: Map<string, number> = new Map();
  readonly #users = new Map<number, RpcUser>();
  readonly #groups = new Map<number, RpcGroup>();

  async call(body: string): Promise<RpcResponse> {
    await new Promise((resolve) => setImmediate(resolve));
    const { method, params }: { method: string; params: Params } = JSON.parse(body);
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    try {
      const handle = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
      if (handle === undefined) throw new RpcFault("NoMethod", method);
      return { status: 200, body: JSON.stringify({ result: handle(...params) ?? null }) };
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error;
      return { status: 200, body: JSON.stringify({ error: [error.kind, error.message] }) };
    }
  }

  readonly #methods: Record<string, (...params: Params) => unknown> = {
    "user.create": (values: Partial<RpcUser>) => {
      const id = this.#users.size + 1;
      const user = { id, login: "", name: "", title: "", active: true };
      this.#write(user, values);
      this.#users.set(id, user);
      return id;
    },
    "user.write": (id: number, values: Partial<RpcUser>) => {
      const user = this.#users.get(id);
      // Nobody is told that there was nothing to be written to.
      if (user !== undefined) this.#write(user, values);
    },
    "user.read": (ids: readonly number[]) => ids.flatMap((id) => this.#users.get(id) ?? []),
    "user.search": (domain: Domain, offset: number, limit: number) =>
      this.#search(domain).slice(offset, offset + limit),
    "user.count": (domain: Domain) => this.#search(domain).length,
    "group.create": (name: string) => {
      const id = this.#groups.size + 1;
      const group = { id, name: "", users: new Set<number>(), groups: new Set<number>() };
      this.#rename(group, name);
      this.#groups.set(id, group);
      return id;
    },
    "group.write": (id: number, name: string) => {
      const group = this.#groups.get(id);
      if (group !== undefined) this.#rename(group, name);
    },
    "group.read": (ids: readonly number[]) =>
      ids.flatMap((id) => this.#groups.get(id) ?? []).map(({ id, name }) => ({ id, name })),
    "group.search": (offset: number, limit: number) =>
      [...this.#groups.keys()].slice(offset, offset + limit),
    "group.count": () => this.#groups.size,
    "group.members": (id: number) => {
      const { users, groups } = this.#group(id);
      return { users: [...users], groups: [...groups] };
    },
    "group.change": (id: number, change: Record<"add" | "remove", Record<Side, number[]>>) => {
      const group = this.#group(id);
      const known = { users: this.#users, groups: this.#groups };
      for (const side of ["users", "groups"] as const) {
        const stranger = change.add[side].find((member) => !known[side].has(member));
        if (stranger !== undefined) throw new RpcFault("UserError", `There is no ${stranger}.`);
      }
      for (const side of ["users", "groups"] as const) {
        for (const member of change.remove[side]) group[side].delete(member);
        for (const member of change.add[side]) group[side].add(member);
      }
    },
    "group.of": (side: Side, member: number) =>
      [...this.#groups.values()].filter((group) => group[side].has(member)).map(({ id }) => id),
  };

  #write(user: RpcUser, values: Partial<RpcUser>): void {
    const login = values.login ?? user.login;
    assertText(login);
    const isTaken = [...this.#users.values()].some(
      (other) => other.id !== user.id && fold(other.login) === fold(login),
    );
    if (isTaken) throw new RpcFault("UserError", "You can not have two users with the same login!");
    Object.assign(user, values);
  }

  #rename(group: RpcGroup, name: string): void {
    assertText(name);
    group.name = name;
  }

  #search(domain: Domain): number[] {
    return [...this.#users.values()]
      .filter((user) =>
        domain.every(([field, operator, value]) => {
          if (typeof value === "boolean") return user[field] === value;
          const text = fold(String(user[field]));
          return operator === "=" ? text === fold(value) : text.startsWith(fold(value));
        }),
      )
      .map(({ id }) => id);
  }

  #group(id: number): RpcGroup {
    const group = this.#groups.get(id);
    if (group === undefined) throw new RpcFault("KeyError", String(id));
    return group;
  }
}

type Side = "users" | "groups";

/** What a search asks for; all of it must hold. */
export type Domain = readonly (readonly [
  field: "login" | "active",
  operator: "=" | "starts",
  value: string | boolean,
])[];

class RpcFault extends Error {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

function assertText(text: string): void {
  if (text === "" || text.includes("\u0000")) throw new RpcFault("ValueError", "bad text");
}

function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
