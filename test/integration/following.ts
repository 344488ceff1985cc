import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import {
  type DirectoryProfile,
  inetOrgPerson,
  profile,
  type WatchEvent,
  type WatchOptions,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { type Outcome, type SynchronizeOptions, synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { Attribute, Change, type Client } from "ldapts";
import { describe, expect } from "vitest";
import { describeOn, postgres } from "../kysely/databases.js";
import type { Target } from "../sync/stores.js";
import { describeWithSlapd, type Slapd } from "./slapd.js";

export const suffix = "dc=example,dc=com";
export const people: string = `ou=people,${suffix}`;
export const groups: string = `ou=groups,${suffix}`;

/** Groups that state members by DN and groups that state them by uid; whoever has left is disabled. */
export const staff: DirectoryProfile = profile({
  extends: inetOrgPerson,
  groupClasses: ["groupOfNames", "posixGroup"],
  members: [
    { attribute: "member", kind: "dn" },
    { attribute: "memberUid", kind: "uid" },
  ],
  user: {
    active: { reads: ["employeeType"], value: (entry) => entry.text("employeeType") !== "left" },
  },
});

/** A store that outlives whoever follows a directory into it. */
export interface Store extends AsyncDisposable {
  readonly target: Target;
}

/** A kind of store. */
interface StoreKind {
  readonly database: "memory" | "SQLite" | "PostgreSQL";
  readonly transactions: boolean;
}

/** Each kind of database, and both with and without transactions. With `CONCORDAT_STORES=all`, each in both ways. */
const storeKinds: readonly StoreKind[] =
  process.env["CONCORDAT_STORES"] === "all"
    ? (["memory", "SQLite", "PostgreSQL"] as const).flatMap((database) =>
        [true, false].map((transactions) => ({ database, transactions })),
      )
    : [
        { database: "memory", transactions: true },
        { database: "SQLite", transactions: false },
        { database: "PostgreSQL", transactions: true },
      ];

/**
 * Declares the tests once for each kind of store.
 *
 * @param missing what to install besides slapd, where it is not.
 */
export function onEveryStore(
  what: string,
  body: (open: () => Promise<Store>) => void,
  missing?: string,
): void {
  const declare = (): void => {
    for (const { database, transactions } of storeKinds) {
      const how = transactions ? "in transactions" : "without a transaction";
      switch (database) {
        case "memory":
          describe(`${how} in memory`, () => {
            body(() => openMemory(transactions));
          });
          break;
        case "SQLite":
          describe(`${how} on SQLite`, () => {
            body(() => openSqlite(transactions));
          });
          break;
        case "PostgreSQL":
          describeOn(postgres, how, () => {
            body(() => openPostgres(transactions));
          });
      }
    }
  };
  describeWithSlapd(what, declare, missing);
}

async function openMemory(transactions: boolean): Promise<Store> {
  return {
    target: inMemoryTarget({ transactions }) as Target,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function openPostgres(transactions: boolean): Promise<Store> {
  const { db, [Symbol.asyncDispose]: close } = await postgres.open();
  return { target: kyselyTarget({ db, transactions }) as Target, [Symbol.asyncDispose]: close };
}

async function openSqlite(transactions: boolean): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "concordat-"));
  const db = new Kysely<unknown>({
    dialect: nodeSqliteDialect({ path: join(folder, "app.sqlite") }),
  });
  await createTables(db);
  return {
    target: kyselyTarget({ db, transactions }) as Target,
    async [Symbol.asyncDispose]() {
      await db.destroy();
      await rm(folder, { recursive: true });
    },
  };
}

/** Who there is, with the title or that they are disabled, and who is in which group. */
export type Content = Readonly<Record<string, string | readonly string[]>>;

const waiting = { timeout: 20_000, interval: 20 };

/** Follows a slapd into a store, and can be stopped and started like a process. */
export class Following implements AsyncDisposable {
  readonly target: Target;
  readonly outcomes: Outcome[] = [];
  /** What the reader has told of its work. */
  readonly events: WatchEvent[] = [];
  readonly #options: WatchOptions;
  readonly source: string;
  #stop: AbortController | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #failure: unknown;
  #begunAt = 0;

  constructor(
    slapd: Pick<Slapd, "url" | "adminDn" | "password">,
    target: Target,
    options: Partial<WatchOptions> = {},
  ) {
    const { url, adminDn, password } = slapd;
    this.target = target;
    this.source = crypto.randomUUID();
    this.#options = {
      ...(options.urls === undefined ? { url } : {}),
      source: this.source,
      base: suffix,
      profile: staff,
      bind: { method: "simple", dn: adminDn, password },
      allowCleartext: true,
      reconcileEvery: false,
      reconnect: { initialDelay: 10, maxDelay: 100 },
      ...options,
    };
    subscribe(watchChannelName, this.#listen);
  }

  /** Starts it, with other options than those it was made with where they are given. */
  start(changed: Partial<WatchOptions> = {}, options: SynchronizeOptions = {}): void {
    const stop = new AbortController();
    this.#stop = stop;
    this.#failure = undefined;
    this.#begunAt = this.outcomes.length;
    const directory = watchDirectory({ ...this.#options, ...changed });
    const outcomes = synchronize(directory, this.target, { ...options, signal: stop.signal });
    this.#running = this.#follow(outcomes, stop.signal);
  }

  readonly #listen = (message: unknown): void => {
    const event = message as WatchEvent;
    if (event.source === this.source) this.events.push(event);
  };

  async #follow(outcomes: AsyncIterable<Outcome>, signal: AbortSignal): Promise<void> {
    try {
      for await (const outcome of outcomes) this.outcomes.push(outcome);
    } catch (error) {
      // A test that waits for something to happen is to know that nothing will.
      if (!signal.aborted) this.#failure = error;
    }
  }

  /** Stops it as soon as it has stored where to go on. */
  async stop(): Promise<void> {
    const hasCheckpoint = () => {
      if (this.#failure !== undefined) throw this.#failure;
      return this.outcomes.slice(this.#begunAt).some(({ kind }) => kind === "checkpoint");
    };
    await expect.poll(hasCheckpoint, waiting).toBe(true);
    this.#stop?.abort();
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The error with which it ends by itself. */
  async failure(): Promise<unknown> {
    await this.#running;
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  async content(): Promise<Content> {
    if (this.#failure !== undefined) throw this.#failure;
    return await contentOf(this.target);
  }

  async becomes(content: Content): Promise<void> {
    await expect.poll(() => this.content(), waiting).toEqual(content);
  }

  /** Whether everything is read anew, or has been. */
  get restarts(): number {
    return this.outcomes.filter(({ kind }) => kind === "restarted").length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unsubscribe(watchChannelName, this.#listen);
    this.#stop?.abort();
    await this.#running;
  }
}

async function contentOf(target: Target): Promise<Content> {
  const names = new Map<string, string>();
  const content: Record<string, string | readonly string[]> = {};
  for (const user of (await target.users.find({})).resources) {
    names.set(user.id, user.userName);
    content[user.userName] = user.active === false ? "disabled" : (user.title ?? "");
  }
  for (const { id, displayName } of (await target.groups.find({})).resources) {
    const { members } = await target.groups.members(id);
    content[displayName] = members.map(({ value }) => names.get(value) ?? value).sort();
  }
  return content;
}

/** Adds people of these names. */
export async function addPeople(
  client: Client,
  names: readonly string[],
  below: string = people,
): Promise<void> {
  for (const uid of names) {
    const dn = `uid=${uid},${below}`;
    await client.add(dn, { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
  }
}

export async function addUnit(client: Client, dn: string): Promise<void> {
  await client.add(dn, { objectClass: "organizationalUnit" });
}

/** Adds a group that states its members by distinguished names. */
export async function addGroup(
  client: Client,
  cn: string,
  members: readonly string[],
): Promise<void> {
  const member = ["cn=nobody", ...members];
  await client.add(`cn=${cn},${groups}`, { objectClass: "groupOfNames", cn, member });
}

/** Adds a group that states its members by their uids. */
export async function addPosixGroup(
  client: Client,
  cn: string,
  memberUid: readonly string[],
): Promise<void> {
  const group = { objectClass: "posixGroup", cn, gidNumber: "1", memberUid: [...memberUid] };
  await client.add(`cn=${cn},${groups}`, group);
}

export function person(uid: string, below: string = people): string {
  return `uid=${uid},${below}`;
}

/** Changes the values of an attribute. */
export async function change(
  client: Client,
  dn: string,
  operation: "add" | "replace" | "delete",
  type: string,
  ...values: readonly string[]
): Promise<void> {
  const modification = new Attribute({ type, values: [...values] });
  await client.modify(dn, new Change({ operation, modification }));
}
