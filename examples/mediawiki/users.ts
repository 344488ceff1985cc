import { randomUUID } from "node:crypto";
import { InvalidValueError, NotFoundError, UniquenessError } from "concordat";
import {
  assertDeclared,
  type CallOptions,
  type Capabilities,
  type Page,
  type Query,
  UserRepository,
} from "concordat/repositories";
import { caseless, type NewUser, type User } from "concordat/scim";
import { type Bridge, WikiRefusal } from "./bridge.ts";
import { exactName, type WikiName } from "./names.ts";

/** An account as the bridge tells of it. */
interface Account {
  readonly id: number;
  readonly name: string;
  /** As the directory has it; nothing where the account was made by hand. */
  readonly userName: string | null;
  readonly externalId: string | null;
  readonly realName: string;
  readonly email: string;
  readonly active: boolean;
  readonly created: string | null;
}

/** The longest user name and external id, in characters. */
const longestText = 1_000;

/** The accounts of a MediaWiki. */
export class WikiUserRepository extends UserRepository {
  override readonly capabilities: Capabilities = {
    attributes: ["userName", "externalId", "name.formatted", "emails.value", "active"],
    filter: { userName: ["eq"] },
    maxPageSize: 100,
    versions: "none",
    // The account stays in the wiki as the author of its edits; here, nobody sees it any more, and nobody gets it.
    delete: "hard",
    rename: true,
    sessions: true,
  };
  readonly #bridge: Bridge;
  readonly #wikiName: WikiName;

  constructor(bridge: Bridge, wikiName: WikiName = exactName) {
    super();
    this.#bridge = bridge;
    this.#wikiName = wikiName;
  }

  override async get(id: string, options?: CallOptions): Promise<User | undefined> {
    const account = await this.#bridge.call("get", { id: numberOf(id) }, options);
    return account === null ? undefined : this.#userOf(account as Account);
  }

  override async find(query: Query, options?: CallOptions): Promise<Page<User>> {
    options?.signal?.throwIfAborted();
    assertDeclared(query, this.capabilities);
    const { filter } = query;
    const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
    const limit = Math.min(Math.max(Math.trunc(query.count ?? 100), 0), 100);
    const offset = startIndex - 1;
    if (filter?.operator === "eq") {
      const found = await this.#named(String(filter.value), options);
      const resources = found.slice(offset, offset + limit);
      return { totalResults: found.length, startIndex, resources };
    }
    const { total, users } = (await this.#bridge.call("list", { offset, limit }, options)) as {
      total: number;
      users: Account[];
    };
    return { totalResults: total, startIndex, resources: users.map((user) => this.#userOf(user)) };
  }

  override async create(user: NewUser, options?: CallOptions): Promise<User> {
    options?.signal?.throwIfAborted();
    const values = this.#valuesOf(user);
    // By it, a creation that is asked for again finds the account that it has made before.
    const request = randomUUID();
    const account = await this.#write("create", { ...values, request }, "", options);
    reportIgnored(user, options);
    return account;
  }

  override async replace(id: string, user: NewUser | User, options?: CallOptions): Promise<User> {
    options?.signal?.throwIfAborted();
    if (numberOf(id) === 0) throw new NotFoundError(id);
    const values = this.#valuesOf(user);
    const account = await this.#write("replace", { ...values, id: numberOf(id) }, id, options);
    reportIgnored(user, options);
    return account;
  }

  override async delete(id: string, options?: CallOptions): Promise<void> {
    await refusing(id, () => this.#bridge.call("delete", { id: numberOf(id) }, options));
  }

  override async revokeSessions(id: string, options?: CallOptions): Promise<void> {
    await this.#bridge.call("sessions", { id: numberOf(id) }, options);
  }

  async #named(userName: string, options?: CallOptions): Promise<readonly User[]> {
    const name = this.#nameOf(userName);
    if (name === undefined) return [];
    const account = (await this.#bridge.call("find", { name }, options)) as Account | null;
    if (account === null) return [];
    // An account that was made by hand is that of whoever has its name in the directory.
    const found = this.#userOf(account, userName);
    return caseless(found.userName) === caseless(userName) ? [found] : [];
  }

  async #write(op: string, values: object, id: string, options?: CallOptions): Promise<User> {
    return await refusing(id, async () =>
      this.#userOf((await this.#bridge.call(op, values, options)) as Account),
    );
  }

  /** @param otherwise How an account is called that was made, or renamed, by hand. */
  #userOf(account: Account, otherwise = account.name): User {
    const { id, name, userName, externalId, realName, email, active, created } = account;
    const isOwn = userName !== null && caseless(this.#nameOf(userName) ?? "") === caseless(name);
    return {
      id: String(id),
      userName: isOwn ? userName : otherwise,
      ...(externalId !== null && { externalId }),
      ...(realName !== "" && { name: { formatted: realName } }),
      ...(email !== "" && { emails: [{ value: email }] }),
      active,
      ...(created !== null && { meta: { resourceType: "User", created } }),
    };
  }

  #nameOf(userName: string): string | undefined {
    if (userName.length > longestText || userName.includes("\0")) return undefined;
    return this.#wikiName(caseless(userName));
  }

  #valuesOf(user: NewUser | User): object {
    const { userName, externalId, name, emails, active } = user;
    const wikiName = this.#nameOf(userName);
    if (wikiName === undefined) {
      throw new InvalidValueError(
        "userName",
        `it has more than ${longestText} characters, or NUL.`,
      );
    }
    if (
      externalId !== undefined &&
      (externalId.length > longestText || externalId.includes("\0"))
    ) {
      throw new InvalidValueError("externalId", `it has more than ${longestText} characters.`);
    }
    return {
      name: wikiName,
      userName,
      externalId: externalId ?? null,
      realName: name?.formatted ?? "",
      email: (emails?.find(({ primary }) => primary) ?? emails?.[0])?.value ?? "",
      active: active ?? true,
    };
  }
}

/** An id that no account can have is that of nobody. */
export function numberOf(id: string): number {
  return /^[1-9]\d{0,8}$/.test(id) ? Number(id) : 0;
}

/** Makes errors of the package of what the wiki says. */
export async function refusing<R>(id: string, call: () => Promise<R>): Promise<R> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof WikiRefusal)) throw error;
    const { code, message, attribute = "userName", holder } = error.refusal;
    switch (code) {
      case "missing":
        throw new NotFoundError(id, { cause: error });
      case "taken":
        throw new UniquenessError(attribute, holder === undefined ? undefined : String(holder), {
          cause: error,
        });
      default:
        throw new InvalidValueError(attribute, message, { cause: error });
    }
  }
}

/** Tells of what was asked for and has no place in the wiki. */
function reportIgnored(user: NewUser | User, options?: CallOptions): void {
  const { id: _, schemas: __, meta: ___, groups: ____, name, emails, ...others } = user as User;
  const ignored = Object.entries(others)
    .filter(([path, value]) => value !== undefined && !kept.has(path))
    .map(([path]) => path);
  for (const part of Object.keys(name ?? {})) {
    if (part !== "formatted") ignored.push(`name.${part}`);
  }
  if ((emails?.length ?? 0) > 1) ignored.push("emails");
  if (ignored.length > 0) options?.onIgnored?.(ignored);
}

const kept: ReadonlySet<string> = new Set(["userName", "externalId", "active", "password"]);
