import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { inMemoryTarget, type SyncTarget, type WriteResult } from "concordat/repositories";
import { bindFilter, eq, groupResourceType, type User, userResourceType } from "concordat/scim";
import { Kysely, sql } from "kysely";
import { describe, onTestFinished } from "vitest";

/** A target that has groups, as all of these do. */
export type Target = SyncTarget & { readonly groups: NonNullable<SyncTarget["groups"]> };

export interface TargetOptions {
  /** Whether the application refuses a second group of the same name. */
  readonly uniqueDisplayName?: boolean;
  /** Whether the application has groups. Default `true`. */
  readonly groups?: boolean;
  /** Sees to it that what was opened is closed. Default: when the test has finished. */
  readonly closeLater?: (close: () => Promise<void>) => void;
}

/** A kind of target that every behaviour is tried on. */
export interface TargetKind {
  readonly kind: string;
  readonly transactions: boolean;
  open(options?: TargetOptions): Promise<Target>;
}

const inMemory: readonly TargetKind[] = [true, false].map((transactions) => ({
  kind: `in memory, ${transactions ? "in transactions" : "without a transaction"}`,
  transactions,
  open: async ({ uniqueDisplayName = false, groups = true } = {}) => {
    const target = inMemoryTarget({ transactions, groups: { uniqueDisplayName } });
    return groups ? target : withoutGroups(target);
  },
}));

const inSqlite: readonly TargetKind[] = [true, false].map((transactions) => ({
  kind: `in SQLite, ${transactions ? "in transactions" : "without a transaction"}`,
  transactions,
  open: async ({ closeLater = onTestFinished, ...options } = {}) => {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    closeLater(() => db.destroy());
    await createTables(db);
    return await targetOn(db, transactions, options);
  },
}));

async function targetOn(
  db: Kysely<unknown>,
  transactions: boolean,
  { uniqueDisplayName = false, groups = true }: TargetOptions,
): Promise<Target> {
  if (uniqueDisplayName) {
    await sql`create unique index groups_by_name on concordat_group (display_name_key)`.execute(db);
  }
  return kyselyTarget({ db, transactions, ...(groups ? {} : { groups }) }) as Target;
}

/**
 * With `CONCORDAT_STORES=servers`, PostgreSQL and MariaDB instead of the others. It takes minutes, and what they do
 * otherwise than SQLite is what the tests of the repositories are about.
 */
const inServers: readonly TargetKind[] =
  process.env["CONCORDAT_STORES"] === "servers"
    ? (await import("../kysely/databases.js")).servers.flatMap((server) =>
        [true, false].map((transactions) => ({
          kind: `in ${server.name}, ${transactions ? "in transactions" : "without a transaction"}`,
          transactions,
          open: async ({ closeLater = onTestFinished, ...options } = {}) => {
            const database = await server.open();
            closeLater(async () => {
              await database[Symbol.asyncDispose]();
            });
            return await targetOn(database.db, transactions, options);
          },
        })),
      )
    : [];

export const targetKinds: readonly TargetKind[] =
  inServers.length > 0 ? inServers : [...inMemory, ...inSqlite];

/** A target whose application has no groups; what a test then asks of them, there is nobody to answer. */
function withoutGroups(target: SyncTarget): Target {
  const { groups: _, transaction, ...rest } = target;
  const without: SyncTarget = {
    ...rest,
    ...(transaction === undefined
      ? {}
      : {
          transaction: (work) =>
            transaction.call(target, (inside) => work(withoutGroups(inside))) as never,
        }),
  };
  return without as Target;
}

/** Declares the tests once for each kind of target. */
export function onEveryTarget(declare: (kind: TargetKind) => void): void {
  describe.each(targetKinds)("$kind", declare);
}

/** A call of a store's method. */
export interface Call {
  readonly store: "users" | "groups" | "links" | "memberships" | "checkpoints" | "settlement";
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface Interference {
  /** Called before a method does its work; what it throws, the method throws. Of a batch of writes, each is a call. */
  readonly before?: (call: Call) => void | Promise<void>;
  /** The refusal that a write meets, if any. */
  readonly refuse?: (call: Call) => Error | undefined;
  /** Called when a method, or a whole batch of writes, has returned or thrown. */
  readonly after?: (call: Call) => void;
  /** How a method ends before its work is done, if it does: it does part of it, or nothing, and throws. */
  readonly interrupt?: (call: Call) => Interruption | undefined;
}

export interface Interruption {
  /** The arguments of the part that is done. */
  readonly part?: readonly unknown[];
  readonly error: Error;
}

/** The same target with groups that nobody can rename, as where they are declared in a configuration. */
export function withFixedGroups(target: Target): Target {
  const { groups, transaction } = target;
  const capabilities = { ...groups.capabilities, rename: false, delete: "none" as const };
  return {
    ...target,
    groups: new Proxy(groups, {
      get(wrapped, name): unknown {
        if (name === "capabilities") return capabilities;
        const value: unknown = Reflect.get(wrapped, name, wrapped);
        return typeof value === "function" ? value.bind(wrapped) : value;
      },
    }),
    ...(transaction === undefined
      ? {}
      : {
          transaction: (work) =>
            transaction.call(target, (inside) => work(withFixedGroups(inside as Target))) as never,
        }),
  };
}

/** The same target with somebody between it and its caller. */
export function interferedWith(target: Target, interference: Interference): Target {
  const { transaction, fence } = target;
  return {
    users: interposed("users", target.users, interference),
    groups: interposed("groups", target.groups, interference),
    links: interposed("links", target.links, interference),
    memberships: interposed("memberships", target.memberships, interference),
    checkpoints: interposed("checkpoints", target.checkpoints, interference),
    ...(target.settlement === undefined
      ? {}
      : { settlement: interposed("settlement", target.settlement, interference) }),
    ...(transaction === undefined
      ? {}
      : {
          transaction: (work) =>
            transaction.call(target, (inside) =>
              work(interferedWith(inside as Target, interference)),
            ) as never,
        }),
    ...(fence === undefined
      ? {}
      : {
          fence: (stream, epoch) => {
            const { links, memberships, checkpoints } = fence.call(target, stream, epoch);
            return {
              links: interposed("links", links, interference),
              memberships: interposed("memberships", memberships, interference),
              checkpoints: interposed("checkpoints", checkpoints, interference),
            };
          },
        }),
  };
}

function interposed<S extends object>(
  store: Call["store"],
  repository: S,
  { before, refuse, interrupt, after }: Interference,
): S {
  return new Proxy(repository, {
    get(wrapped, method): unknown {
      const value: unknown = Reflect.get(wrapped, method, wrapped);
      if (typeof value !== "function" || typeof method !== "string") return value;
      // It asks the store nothing.
      if (method === "markOf" || method === "assertOwn") return value.bind(wrapped);
      // What it answers comes page by page.
      if (store === "settlement" && method === "references") return value.bind(wrapped);
      const invoke = (args: readonly unknown[]): Promise<unknown> =>
        Promise.resolve(value.apply(wrapped, args));
      const begin = async (call: Call): Promise<Error | undefined> => {
        await before?.(call);
        const interruption = interrupt?.(call);
        if (interruption?.part !== undefined) await invoke(interruption.part);
        if (interruption !== undefined) throw interruption.error;
        return refuse?.(call);
      };
      const act = async (args: readonly unknown[]): Promise<unknown> => {
        if (method !== "write") {
          const refusal = await begin({ store, method, args });
          if (refusal !== undefined) throw refusal;
          return await invoke(args);
        }
        const [writes, ...rest] = args as [readonly unknown[], ...unknown[]];
        const results: WriteResult[] = [];
        for (const write of writes) {
          const error = await begin({ store, method, args: [write] });
          if (error !== undefined) results.push({ written: false, error });
          else results.push(...((await invoke([[write], ...rest])) as readonly WriteResult[]));
        }
        return results;
      };
      return (...args: readonly unknown[]) =>
        act(args).finally(() => after?.({ store, method, args }));
    },
  });
}

/**
 * What the application has: its users by name and whether each may sign in, and its groups by name and who is in them.
 */
export interface Application {
  readonly users: Readonly<Record<string, "active" | "inactive">>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

export async function application(target: Target): Promise<Application> {
  const users = await allUsers(target);
  const { resources: groups } = await target.groups.find({});
  const names = new Map<string, string>();
  for (const user of users) names.set(user.id, user.userName);
  for (const group of groups) names.set(group.id, group.displayName);
  const members: [string, string[]][] = [];
  for (const group of groups) {
    const ids = await memberIds(target, group.id);
    members.push([group.displayName, ids.map((id) => names.get(id) ?? `? ${id}`).sort()]);
  }
  return {
    users: Object.fromEntries(
      users.map((user) => [user.userName, user.active === false ? "inactive" : "active"]),
    ),
    groups: Object.fromEntries(members),
  };
}

/** The members of each group. */
export async function groupsOf(target: Target): Promise<Application["groups"]> {
  return (await application(target)).groups;
}

async function allUsers(target: Target): Promise<readonly User[]> {
  const users: User[] = [];
  for (;;) {
    const page = await target.users.find({ startIndex: users.length + 1 });
    users.push(...page.resources);
    if (page.resources.length === 0 || users.length >= (page.totalResults ?? 0)) return users;
  }
}

async function memberIds(target: Target, group: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await target.groups.members(group, after === undefined ? {} : { after });
    ids.push(...page.members.map((member) => member.value));
    after = page.next;
    if (after === undefined) return ids;
  }
}

/** The user of this name. */
export async function userNamed(target: Target, userName: string): Promise<User> {
  const page = await target.users.find({
    filter: bindFilter(eq("userName", userName), userResourceType),
  });
  const user = page.resources[0];
  if (user === undefined) throw new Error(`There is no user "${userName}".`);
  return user;
}

/** The id of the group of this name. */
export async function groupNamed(target: Target, displayName: string): Promise<string> {
  const page = await target.groups.find({
    filter: bindFilter(eq("displayName", displayName), groupResourceType),
  });
  const group = page.resources[0];
  if (group === undefined) throw new Error(`There is no group "${displayName}".`);
  return group.id;
}
