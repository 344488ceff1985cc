import { InvalidValueError, NotFoundError, UniquenessError } from "concordat";
import {
  applyChangeSet,
  assertDeclared,
  type CallOptions,
  type Capabilities,
  type Modification,
  type Page,
  type Query,
  UserRepository,
  type WriteOptions,
} from "concordat/repositories";
import { caseless, type NewUser, type User } from "concordat/scim";
import { assertLogin, ignoredOf, retired, withName } from "./attributes.ts";
import { avatarOf, hasPhoto } from "./avatars.ts";
import {
  assertText,
  type Domain,
  idOf,
  idsOf,
  named,
  numberOf,
  refusedValue,
  type Tryton,
  type TrytonRecord,
  TrytonRefusal,
  textOf,
  timeOf,
} from "./client.ts";
import { AccountWriter, type ChangesOfInactive } from "./inactive.ts";
import { Languages, tagOf } from "./languages.ts";

/** Options of {@link TrytonUsers}. */
export interface TrytonUserOptions {
  /**
   * Logins of accounts that are neither seen nor changed, in any case. The service account, without which this would lock
   * itself out, is among them always. Default: `root` and `admin`.
   */
  readonly hidden?: readonly string[];
  /** Whether people sign in to Tryton by a password of Tryton's. Default: false, so that passwords are ignored. */
  readonly passwords?: boolean;
  /**
   * What becomes of the login of a user who is deleted. `free`: another person may get it, with a new account. `refuse`:
   * none may. Default: `free`.
   */
  readonly namesOfDeleted?: "free" | "refuse";
  /** What becomes of a change of an inactive account where Tryton makes none. Default: `activate`. */
  readonly changesOfInactive?: ChangesOfInactive;
  /**
   * Whether attributes are declared, too, of which Tryton keeps what it can, so that clients learn of them: the languages
   * that it has, images, and one address, which is read as the one at work. Default: false.
   */
  readonly declaresPartlyKept?: boolean;
  /** Ends the sessions of a user; absent where that cannot be done. See `sessions.ts`. */
  readonly endSessions?: (id: string, signal?: AbortSignal) => Promise<void>;
}

const model = "res.user";

const fields = [
  ...["login", "name", "email", "active", "language", "avatar_url", "create_date", "write_date"],
];

/** What need not be read as it was sent. */
const partlyKept = [
  ...["name.formatted", "emails.type", "emails.primary", "preferredLanguage"],
  ...["photos.value", "photos.type"],
];

/**
 * The users of Tryton. It never deletes one, since its documents name them: who is deleted is deactivated, in no group,
 * without address and password, gets a login such as `kay~retired~42`, and is not seen here any more.
 */
export class TrytonUsers extends UserRepository {
  override readonly capabilities: Capabilities;
  override readonly setPassword?: (
    id: string,
    password: string,
    options?: CallOptions,
  ) => Promise<void>;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  readonly #tryton: Tryton;
  readonly #options: TrytonUserOptions;
  readonly #hidden: ReadonlySet<string>;
  readonly #languages: Languages;
  readonly #accounts: AccountWriter;

  constructor(tryton: Tryton, options: TrytonUserOptions = {}) {
    super();
    this.#tryton = tryton;
    this.#options = options;
    this.#hidden = hiddenLogins(tryton, options);
    this.#languages = new Languages(tryton);
    this.#accounts = new AccountWriter(tryton, options.changesOfInactive ?? "activate");
    const { endSessions, passwords = false, declaresPartlyKept = false } = options;
    this.capabilities = {
      attributes: [
        ...["userName", "active", "displayName", "emails.value"],
        ...(declaresPartlyKept ? partlyKept : []),
      ],
      filter: { userName: ["eq"] },
      maxPageSize: 100,
      versions: "none",
      // The account stays, and is not seen here any more.
      delete: "hard",
      rename: true,
      sessions: endSessions !== undefined,
      password: passwords ? "set" : "none",
    };
    if (endSessions !== undefined) {
      this.revokeSessions = (id, call) => endSessions(id, call?.signal);
    }
    if (passwords) this.setPassword = (id, password, call) => this.#password(id, password, call);
  }

  override async get(id: string, options?: CallOptions): Promise<User | undefined> {
    const record = await this.#read(id, options);
    return record && (await this.#userOf(record, options));
  }

  override async find(query: Query, options?: CallOptions): Promise<Page<User>> {
    options?.signal?.throwIfAborted();
    assertDeclared(query, this.capabilities);
    const { filter } = query;
    const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
    const count = Math.min(Math.max(Math.trunc(query.count ?? 100), 0), 100);
    const page = { offset: startIndex - 1, limit: count, signal: options?.signal };
    if (filter !== undefined && "value" in filter) {
      const holder = await this.#holderOf(String(filter.value), options);
      const found = holder === undefined || !this.#isVisible(holder) ? [] : [holder];
      const users = found.map((one) => this.#userOf(one, options));
      const resources = (await Promise.all(users)).slice(page.offset, page.offset + count);
      return { totalResults: found.length, startIndex, resources };
    }
    const visible = visibleUsers(this.#hidden);
    const totalResults = await this.#tryton.count(model, visible, options?.signal);
    const records = count === 0 ? [] : await this.#tryton.records(model, visible, fields, page);
    const resources: User[] = [];
    for (const record of records) resources.push(await this.#userOf(record, options));
    return { totalResults, startIndex, resources };
  }

  override async create(user: NewUser, options?: CallOptions): Promise<User> {
    const ignored = ignoredOf(user, this.#options.passwords === true);
    const values = await this.#valuesOf(user, undefined, ignored, options);
    if (this.#options.passwords === true && user.password !== undefined) {
      values["password"] = user.password;
    }
    const id = await this.#tryton.exclusively(async () => {
      options?.signal?.throwIfAborted();
      await this.#assertFree(user.userName, undefined, options);
      return await this.#written(values, () => this.#accounts.create(values, options?.signal));
    });
    if (ignored.length > 0) options?.onIgnored?.(ignored);
    return await this.#existing(id, options);
  }

  override async replace(id: string, user: NewUser | User, options?: CallOptions): Promise<User> {
    return await this.#replace(id, user, false, options);
  }

  /**
   * As every repository does. Only so is a photo removed: a replacement that has none leaves it. And since a name is read
   * as both attributes that lead to it, the one that changes counts.
   */
  override async modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    const current = await this.get(id, options);
    if (current === undefined) throw new NotFoundError(id);
    const changes = "plan" in modification ? modification.plan(current) : modification;
    const next = applyChangeSet(this.type, current, changes);
    const removesPhoto = hasPhoto(current) && !hasPhoto(next);
    await this.#replace(id, withName(next, changes), removesPhoto, options);
  }

  override async delete(id: string, options?: CallOptions): Promise<void> {
    await this.#tryton.exclusively(async () => {
      const record = await this.#read(id, options, [...fields, "groups"]);
      if (record === undefined) throw new NotFoundError(id);
      const values = {
        active: false,
        login: `${textOf(record["login"])}${retired}${id}`,
        email: null,
        password: null,
        groups: [["remove", idsOf(record["groups"])]],
        ...(textOf(record["avatar_url"]) === "" ? {} : { avatar: null }),
      };
      await this.#write(record, values, options);
    });
  }

  async #replace(
    id: string,
    user: NewUser | User,
    removesPhoto: boolean,
    options: CallOptions | undefined,
  ): Promise<User> {
    const ignored = ignoredOf(user, true);
    await this.#tryton.exclusively(async () => {
      options?.signal?.throwIfAborted();
      const record = await this.#read(id, options);
      if (record === undefined) throw new NotFoundError(id);
      const values = await this.#valuesOf(user, record, ignored, options);
      if (removesPhoto) values["avatar"] = null;
      if (values["login"] !== undefined) await this.#assertFree(user.userName, id, options);
      if (Object.keys(values).length > 0) await this.#write(record, values, options);
    });
    if (ignored.length > 0) options?.onIgnored?.(ignored);
    return await this.#existing(id, options);
  }

  async #password(id: string, password: string, options?: CallOptions): Promise<void> {
    await this.#tryton.exclusively(async () => {
      const record = await this.#read(id, options);
      if (record === undefined) throw new NotFoundError(id);
      await this.#write(record, { password }, options);
    });
  }

  async #existing(id: string, options?: CallOptions): Promise<User> {
    const user = await this.get(id, options);
    if (user === undefined) throw new NotFoundError(id);
    return user;
  }

  async #read(
    id: string,
    options: CallOptions | undefined,
    wanted: readonly string[] = fields,
  ): Promise<TrytonRecord | undefined> {
    options?.signal?.throwIfAborted();
    const number = numberOf(id);
    if (number === undefined) return undefined;
    const domain = [["id", "=", number], visibleUsers(this.#hidden)];
    const page = { limit: 1, signal: options?.signal };
    const [record] = await this.#tryton.records(model, domain, wanted, page);
    return record !== undefined && this.#isVisible(record) ? record : undefined;
  }

  #isVisible(record: TrytonRecord): boolean {
    const login = caseless(textOf(record["login"]));
    return !this.#hidden.has(login) && (Boolean(record["active"]) || !login.includes(retired));
  }

  /** The account that has a login, in any case, whether or not it is hidden. */
  async #holderOf(
    login: string,
    options: CallOptions | undefined,
  ): Promise<TrytonRecord | undefined> {
    const page = { signal: options?.signal };
    const found = await this.#tryton.records(model, named("login", login), fields, page);
    return found.find((one) => caseless(textOf(one["login"])) === caseless(login));
  }

  async #assertFree(
    login: string,
    own: string | undefined,
    options: CallOptions | undefined,
  ): Promise<void> {
    const holder = await this.#holderOf(login, options);
    if (holder !== undefined && String(holder["id"]) !== own) {
      const id = this.#isVisible(holder) ? String(holder["id"]) : undefined;
      throw new UniquenessError("userName", id);
    }
    if (this.#options.namesOfDeleted !== "refuse") return;
    const page = { signal: options?.signal };
    const former = named("login", `${login}${retired}%`);
    const all = await this.#tryton.records(model, former, ["login"], page);
    const isFormer = all.some((one) => {
      const [name = ""] = textOf(one["login"]).split(retired);
      return textOf(one["login"]).includes(retired) && caseless(name) === caseless(login);
    });
    if (isFormer) throw new UniquenessError("userName");
  }

  /** What is to be written: everything of a new account, of another what differs. */
  async #valuesOf(
    user: NewUser | User,
    stored: TrytonRecord | undefined,
    ignored: string[],
    options: CallOptions | undefined,
  ): Promise<Record<string, unknown>> {
    const emails = user.emails ?? [];
    const email =
      emails.find(({ primary }) => primary === true) ??
      emails.find(({ type }) => type === "work") ??
      emails[0];
    const wanted = {
      login: user.userName,
      name: user.displayName ?? user.name?.formatted ?? "",
      email: email?.value ?? "",
    };
    assertLogin(wanted.login);
    assertText("displayName", wanted.name);
    assertText("emails.value", wanted.email);
    const values: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(wanted)) {
      if (value === textOf(stored?.[field])) continue;
      values[field] = value === "" ? null : value;
    }
    const isActive = user.active !== false;
    if (stored === undefined || isActive !== Boolean(stored["active"])) values["active"] = isActive;
    const { preferredLanguage } = user;
    if (preferredLanguage === undefined) {
      if (typeof stored?.["language"] === "number") values["language"] = null;
    } else {
      const language = await this.#languages.find(preferredLanguage, options?.signal);
      if (language === undefined) ignored.push("preferredLanguage");
      else if (language !== stored?.["language"]) values["language"] = language;
    }
    const avatar = avatarOf(user, this.#photoOf(stored));
    if (avatar === "ignored") ignored.push("photos");
    else if (avatar !== undefined) values["avatar"] = avatar;
    return values;
  }

  async #write(
    record: TrytonRecord,
    values: Readonly<Record<string, unknown>>,
    options: CallOptions | undefined,
  ): Promise<void> {
    await this.#written(values, () => this.#accounts.write(record, values, options));
  }

  /** Makes the package's errors of what Tryton says to a write. */
  async #written<R>(values: Readonly<Record<string, unknown>>, call: () => Promise<R>): Promise<R> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof TrytonRefusal)) throw error;
      // Another writer may have been faster, past this process.
      if (/same login/i.test(error.message)) {
        throw new UniquenessError("userName", undefined, { cause: error });
      }
      if (values["avatar"] != null && error.kind === undefined) {
        throw new InvalidValueError("photos", "it is no image.", { cause: error });
      }
      const isOfPassword = values["password"] != null && /password/i.test(error.message);
      throw refusedValue(error, isOfPassword ? "password" : "userName");
    }
  }

  #photoOf(record: TrytonRecord | undefined): string | undefined {
    const url = textOf(record?.["avatar_url"]);
    return url === "" ? undefined : new URL(url, this.#tryton.base).href;
  }

  async #userOf(record: TrytonRecord, options: CallOptions | undefined): Promise<User> {
    const { language } = record;
    const code =
      typeof language === "number"
        ? await this.#languages.codeOf(language, options?.signal)
        : undefined;
    const created = timeOf(record["create_date"]);
    const lastModified = timeOf(record["write_date"]) ?? created;
    const photo = this.#photoOf(record);
    const name = textOf(record["name"]);
    const email = textOf(record["email"]);
    return {
      id: String(idOf(record)),
      meta: {
        resourceType: "User",
        ...(created !== undefined && { created }),
        ...(lastModified !== undefined && { lastModified }),
      },
      userName: textOf(record["login"]),
      active: Boolean(record["active"]),
      ...(name !== "" && { displayName: name, name: { formatted: name } }),
      ...(email !== "" && { emails: [{ value: email, type: "work", primary: true }] }),
      ...(code !== undefined && { preferredLanguage: tagOf(code) }),
      ...(photo !== undefined && { photos: [{ value: photo, type: "photo" }] }),
    };
  }
}

/** The logins that are hidden, as they are compared. */
export function hiddenLogins(
  tryton: Tryton,
  { hidden = ["root", "admin"] }: TrytonUserOptions,
): ReadonlySet<string> {
  return new Set([...hidden, tryton.account].map(caseless));
}

/** The users who are seen: neither hidden nor deleted. */
export function visibleUsers(hidden: ReadonlySet<string>): Domain {
  return [
    ...[...hidden].map((login) => ["login", "not ilike", login.replaceAll(/[%\\]/g, "_")]),
    ["OR", ["active", "=", true], ["login", "not like", `%${retired}%`]],
  ];
}
