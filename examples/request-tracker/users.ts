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
} from "concordat/repositories";
import { caseless, type NewUser, type User } from "concordat/scim";
import {
  fieldsOf,
  itemsOf,
  messageOf,
  messagesOf,
  missingRight,
  type RequestTracker,
  textOf,
} from "./client.ts";
import {
  assertFits,
  attributeOf,
  type Fields,
  fieldNames,
  fieldsFrom,
  given,
  isEnabled,
  type Stored,
  tellIgnored,
  toUser,
} from "./fields.ts";

/** Options of {@link RequestTrackerUsers}. */
export interface UserOptions {
  /**
   * Accounts that synchronisation neither sees nor changes, by name in any case: those of Request Tracker itself, and
   * the service account, without which it would lock itself out. Default: `RT_System`, `Nobody` and `root`.
   */
  readonly hidden?: readonly string[] | ((name: string) => boolean);
  /** Who is privileged, and so may be given rights and see the interface of staff. Default: everybody. */
  readonly isPrivileged?: (user: NewUser | User) => boolean;
  /** Ends the sessions of a user; absent where it cannot be done. See `end-sessions/`. */
  readonly endSessions?: (id: string, signal?: AbortSignal) => Promise<void>;
}

/**
 * The users of Request Tracker. They are never deleted, since tickets name them: to delete one is to disable it.
 *
 * Every change is read back, since Request Tracker answers 200 to what it has not done.
 */
export class RequestTrackerUsers extends UserRepository {
  override readonly capabilities: Capabilities;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  readonly #rt: RequestTracker;
  readonly #isHidden: (name: string) => boolean;
  readonly #isPrivileged: (user: NewUser | User) => boolean;

  constructor(rt: RequestTracker, options: UserOptions = {}) {
    super();
    this.#rt = rt;
    this.#isHidden = hiddenBy(options.hidden ?? ["RT_System", "Nobody", "root"]);
    this.#isPrivileged = options.isPrivileged ?? (() => true);
    const { endSessions } = options;
    this.capabilities = {
      attributes: [
        ...["userName", "active", "displayName", "emails.value", "nickName", "preferredLanguage"],
        "phoneNumbers.value",
      ],
      filter: { userName: ["eq"] },
      maxPageSize: 100,
      versions: "none",
      delete: "deactivate",
      rename: true,
      sessions: endSessions !== undefined,
    };
    if (endSessions !== undefined) {
      this.revokeSessions = (id, call) => endSessions(id, call?.signal);
    }
  }

  override async get(id: string, options?: CallOptions): Promise<User | undefined> {
    const fields = await this.#read(id, options);
    return fields && toUser(id, fields);
  }

  override async find(query: Query, options?: CallOptions): Promise<Page<User>> {
    assertDeclared(query, this.capabilities);
    const { filter } = query;
    const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
    const count = Math.min(Math.max(Math.trunc(query.count ?? 100), 0), 100);
    if (filter !== undefined && "value" in filter) {
      const id = await this.#idOf(String(filter.value), options);
      const user = id === undefined ? undefined : await this.get(id, options);
      const found = user === undefined ? [] : [user];
      const resources = found.slice(startIndex - 1, startIndex - 1 + count);
      return { totalResults: found.length, startIndex, resources };
    }
    return await this.#page(startIndex, count, options);
  }

  override async create(user: NewUser, options?: CallOptions): Promise<User> {
    const fields = fieldsFrom(user);
    assertName(fields.Name);
    assertFits(fields);
    await this.#assertFree(fields.Name, undefined, options);
    const { status, body, created } = await this.#rt.request("POST", "user", {
      body: {
        ...given(fields),
        Privileged: this.#isPrivileged(user) ? 1 : 0,
        ...(user.password === undefined ? {} : { Password: user.password }),
      },
      signal: options?.signal,
    });
    if (status !== 201 || created === undefined) throw await this.#refusal(body, fields, options);
    // A user is enabled when it is made.
    const stored =
      user.active === false
        ? await this.#put(created, { Disabled: 1 }, {}, options)
        : await this.#read(created, options);
    if (stored === undefined) throw new NotFoundError(created);
    if (textOf(stored["Name"]) !== fields.Name) {
      // It is not to stay under another name than was asked for.
      await this.#put(created, { Disabled: 1 }, {}, options);
      throw new InvalidValueError("userName", "Request Tracker has made another name of it.");
    }
    tellIgnored(user, options);
    return toUser(created, stored);
  }

  override async replace(id: string, user: NewUser | User, options?: CallOptions): Promise<User> {
    const stored = await this.#read(id, options);
    if (stored === undefined) throw new NotFoundError(id);
    return await this.#write(id, stored, user, options);
  }

  /** Reads what is there once only: each request takes a tracker a third of a second, by default. */
  override async modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: CallOptions,
  ): Promise<void> {
    const stored = await this.#read(id, options);
    if (stored === undefined) throw new NotFoundError(id);
    const user = toUser(id, stored);
    const changes = "plan" in modification ? modification.plan(user) : modification;
    await this.#write(id, stored, applyChangeSet(this.type, user, changes), options);
  }

  async #write(
    id: string,
    stored: Stored,
    user: NewUser | User,
    options: CallOptions | undefined,
  ): Promise<User> {
    const fields = fieldsFrom(user);
    const change: Record<string, string | number> = {};
    for (const name of fieldNames) {
      if (fields[name] !== textOf(stored[name])) change[name] = fields[name];
    }
    if (change["Name"] !== undefined) {
      assertName(fields.Name);
      await this.#assertFree(fields.Name, id, options);
    }
    assertFits(fields);
    const isActive = user.active !== false;
    if (isActive !== isEnabled(stored)) change["Disabled"] = isActive ? 0 : 1;
    const isSame = Object.keys(change).length === 0;
    const now = isSame ? stored : await this.#put(id, change, { before: stored, fields }, options);
    tellIgnored(user, options);
    return toUser(id, now);
  }

  override async delete(id: string, options?: CallOptions): Promise<void> {
    const stored = await this.#read(id, options);
    if (stored === undefined) throw new NotFoundError(id);
    if (isEnabled(stored)) await this.#put(id, { Disabled: 1 }, { before: stored }, options);
  }

  /** What is stored of a user that may be seen. */
  async #read(id: string, options: CallOptions | undefined): Promise<Stored | undefined> {
    if (!/^[1-9]\d{0,17}$/.test(id)) return undefined;
    const { status, body } = await this.#rt.request("GET", `user/${id}`, {
      signal: options?.signal,
    });
    if (status !== 200) return undefined;
    const fields = fieldsOf(body);
    return this.#isHidden(textOf(fields["Name"])) ? undefined : fields;
  }

  /**
   * Changes a user, and looks whether that was done. Request Tracker changes one field after the other and goes on after
   * one that it refuses: what it has changed then is given its value back.
   *
   * @returns what is stored now.
   */
  async #put(
    id: string,
    change: Readonly<Record<string, string | number>>,
    { before, fields }: { readonly before?: Stored; readonly fields?: Fields },
    options: CallOptions | undefined,
  ): Promise<Stored> {
    const put = (body: typeof change) =>
      this.#rt.request("PUT", `user/${id}`, { body, signal: options?.signal });
    const { status, body } = await put(change);
    if (status === 404) throw new NotFoundError(id);
    const stored = await this.#read(id, options);
    if (stored === undefined) throw new NotFoundError(id);
    const isDone = ([name, value]: readonly [string, string | number]) =>
      textOf(stored[name]) === String(value);
    const refused = Object.entries(change).find((one) => !isDone(one));
    if (refused === undefined) return stored;
    const done = Object.entries(change).filter(isDone);
    if (before !== undefined && done.length > 0) {
      await put(Object.fromEntries(done.map(([name]) => [name, textOf(before[name])])));
    }
    throw await this.#refusal(body, fields, options, refused[0]);
  }

  /** Request Tracker sees that a name is taken in another case only where the database knows the case of its characters. */
  async #assertFree(
    name: string,
    own: string | undefined,
    options: CallOptions | undefined,
  ): Promise<void> {
    if (spellingsOf(name).length === 1) return;
    const holder = await this.#idOf(name, options);
    if (holder !== undefined && holder !== own) throw new UniquenessError("userName", holder);
  }

  /**
   * Why something was not done: Request Tracker says it in words only, of each field in a line, also of those that it has
   * changed.
   *
   * @param field what was refused first of a change; a create is refused as a whole.
   */
  async #refusal(
    body: unknown,
    fields: Fields | undefined,
    options: CallOptions | undefined,
    field?: string,
  ): Promise<Error> {
    const messages = messagesOf(body);
    const says = (words: RegExp, of: string) =>
      (field ?? of) === of && messages.some((message) => words.test(message));
    if (fields !== undefined && says(/\bname in use$/i, "Name")) {
      return new UniquenessError("userName", await this.#idOf(fields.Name, options));
    }
    if (says(/\bemail address in use$/i, "EmailAddress"))
      return new UniquenessError("emails.value");
    const denied = missingRight(body);
    if (denied !== undefined) return denied;
    const isOfEmail = says(/\bemail\b/i, "EmailAddress");
    const path = attributeOf[field ?? (isOfEmail ? "EmailAddress" : "Name")] ?? "userName";
    return new InvalidValueError(path, `Request Tracker does not take it: ${messageOf(body)}`);
  }

  /** The id of whoever has a name, in any case. */
  async #idOf(name: string, options: CallOptions | undefined): Promise<string | undefined> {
    for (const spelling of spellingsOf(name)) {
      const id = await this.#idOfSpelling(name, spelling, options);
      if (id !== undefined) return id;
    }
    return undefined;
  }

  async #idOfSpelling(
    name: string,
    spelling: string,
    options: CallOptions | undefined,
  ): Promise<string | undefined> {
    const { body } = await this.#rt.request("GET", "users", {
      query: {
        query: JSON.stringify([{ field: "Name", operator: "=", value: spelling }]),
        // Without "id", the id of a user in a list is its name.
        fields: "Name,id",
        find_disabled_rows: "1",
        per_page: "20",
      },
      signal: options?.signal,
    });
    const found = itemsOf(body).find((item) => {
      const itsName = textOf(item["Name"]);
      return caseless(itsName) === caseless(name) && !this.#isHidden(itsName);
    });
    return found && numberOf(found);
  }

  /** A page of all users. Whether one is disabled is not in a list, but there is a list of those that are not. */
  async #page(
    startIndex: number,
    count: number,
    options: CallOptions | undefined,
  ): Promise<Page<User>> {
    const all = await this.#list(
      { fields: [...fieldNames, "id"].join(), withDisabled: true },
      options,
    );
    const enabled = new Set((await this.#list({ fields: "Name,id" }, options)).map(numberOf));
    const users = all.flatMap((item) => {
      const id = numberOf(item);
      if (id === undefined || this.#isHidden(textOf(item["Name"]))) return [];
      return [toUser(id, { ...item, Disabled: enabled.has(id) ? "0" : "1" })];
    });
    const resources = users.slice(startIndex - 1, startIndex - 1 + count);
    return { totalResults: users.length, startIndex, resources };
  }

  /** All users, with some fields: without "id" among them, the id of a user in a list is its name. */
  async #list(
    { fields, withDisabled = false }: { readonly fields: string; readonly withDisabled?: boolean },
    options: CallOptions | undefined,
  ): Promise<readonly Stored[]> {
    const all: Stored[] = [];
    for (let page = 1; ; page++) {
      const { body } = await this.#rt.request("GET", "users", {
        query: {
          query: JSON.stringify([{ field: "id", operator: ">", value: "0" }]),
          fields,
          ...(withDisabled ? { find_disabled_rows: "1" } : {}),
          orderby: "id",
          order: "ASC",
          per_page: "100",
          page: String(page),
        },
        signal: options?.signal,
      });
      const items = itemsOf(body);
      all.push(...items);
      if (items.length < 100) return all;
    }
  }
}

/**
 * The spellings by which a name is looked for: SQLite, for one, knows the case of ASCII only. Of other mixtures of case than
 * these, nobody is found.
 */
export function spellingsOf(name: string): readonly string[] {
  if (!/[^ -~]/.test(name)) return [name];
  const lower = name.toLowerCase();
  const [first = "", ...rest] = lower;
  return [...new Set([name, lower, name.toUpperCase(), first.toUpperCase() + rest.join("")])];
}

/** The number of an item of a list. */
export function numberOf(item: Readonly<Record<string, unknown>>): string | undefined {
  const id = textOf(item["id"]);
  return /^[1-9]\d*$/.test(id) ? id : undefined;
}

/** The rule by which names are hidden. */
export function hiddenBy(
  hidden: readonly string[] | ((name: string) => boolean),
): (name: string) => boolean {
  if (typeof hidden === "function") return hidden;
  const names = new Set(hidden.map(caseless));
  return (name) => names.has(caseless(name));
}

/** Request Tracker takes a name of digits for an id, wherever it is given one. */
function assertName(name: string): void {
  if (/^\d+$/.test(name)) {
    throw new InvalidValueError("userName", "Request Tracker takes a number for an id.");
  }
  if (name.trim() !== name || name === "") {
    throw new InvalidValueError("userName", "it is empty, or has a space at one end.");
  }
}
