import type { ManagedAttributes, Upsert } from "../../changes/index.js";
import { InvalidValueError } from "../../core/index.js";
import { leaveGroups, type WriteResult } from "../../repositories/index.js";
import {
  bindFilter,
  eq,
  groupResourceType,
  type NewGroup,
  type NewUser,
  userResourceType,
} from "../../scim/index.js";
import type { RunnerTarget } from "../step/context.js";

/** The attributes of a change, of either type. */
export type Attributes = Upsert["resource"];

/** A write of attributes, of either type. */
export type AccountWrite =
  | { readonly kind: "create"; readonly attributes: Attributes }
  | { readonly kind: "modify"; readonly id: string; readonly attributes: Attributes };

/** An account by its name. */
export interface Account {
  readonly id: string;
  readonly name: string;
  readonly externalId?: string;
}

/** An account as it is now. */
export interface AccountState extends Account {
  readonly active: boolean;
  /** What tells it apart from another one that is given its id later. */
  readonly mark?: string;
}

/**
 * The application's users, or its groups, by what both have in common: a name, attributes, and whether they are there.
 */
export interface Accounts {
  readonly naming: "userName" | "displayName";
  readonly canRename: boolean;
  /** Whether `delete` removes the account for good. */
  readonly canDelete: boolean;
  /** Whether the id of an account that is deleted may be given to another one. */
  readonly reusesIds: boolean;
  /** The accounts of this name. There is at most one user, but there may be several groups. */
  find(name: string): Promise<readonly Account[]>;
  /** The account with this id; `undefined` when there is none. */
  look(id: string): Promise<AccountState | undefined>;
  write(writes: readonly AccountWrite[], signal?: AbortSignal): Promise<readonly WriteResult[]>;
  delete(id: string): Promise<void>;
}

/** The accounts of a type; `undefined` for groups where the target has none. */
export function accountsOf(target: RunnerTarget, type: "User" | "Group"): Accounts | undefined {
  if (type === "User") return userAccounts(target);
  return target.groups === undefined ? undefined : groupAccounts(target, target.groups);
}

/** The name that an entry gives its account. */
export function nameOf(change: Upsert): string | undefined {
  const name = change.type === "User" ? change.resource.userName : change.resource.displayName;
  return name ?? undefined;
}

function userAccounts(target: RunnerTarget): Accounts {
  const { users } = target;
  return {
    naming: "userName",
    canRename: users.capabilities.rename,
    canDelete: users.capabilities.delete === "hard",
    reusesIds: users.capabilities.ids === "reused",
    async find(name) {
      const filter = bindFilter(eq("userName", name), userResourceType);
      const page = await users.find({ filter });
      return page.resources.map(({ id, userName, externalId }) => ({
        id,
        name: userName,
        ...(externalId === undefined ? {} : { externalId }),
      }));
    },
    async look(id) {
      const user = await users.get(id);
      if (user === undefined) return undefined;
      const mark = users.markOf(user);
      return {
        id,
        name: user.userName,
        active: user.active !== false,
        ...(mark === undefined ? {} : { mark }),
      };
    },
    async write(writes, signal) {
      await target.beforeWrite?.();
      return await users.write(
        writes.map((write) => {
          const { set, unset } = split<NewUser>(write.attributes as ManagedAttributes<NewUser>);
          if (write.kind === "modify") {
            return { kind: "modify", id: write.id, modification: { set, unset } };
          }
          return {
            kind: "create",
            resource: { ...set, userName: named("userName", set.userName) },
          };
        }),
        signal === undefined ? {} : { signal },
      );
    },
    async delete(id) {
      await target.beforeWrite?.();
      await users.delete(id);
      // The memberships that were granted here are gone already; those that others gave go with the account.
      if (target.groups !== undefined) await leaveGroups(target.groups, { id, type: "User" });
    },
  };
}

function groupAccounts(
  target: RunnerTarget,
  groups: NonNullable<RunnerTarget["groups"]>,
): Accounts {
  return {
    naming: "displayName",
    canRename: groups.capabilities.rename,
    canDelete: groups.capabilities.delete === "hard",
    reusesIds: groups.capabilities.ids === "reused",
    async find(name) {
      const filter = bindFilter(eq("displayName", name), groupResourceType);
      const page = await groups.find({ filter });
      return page.resources.map(({ id, displayName, externalId }) => ({
        id,
        name: displayName,
        ...(externalId === undefined ? {} : { externalId }),
      }));
    },
    async look(id) {
      const group = await groups.get(id);
      if (group === undefined) return undefined;
      const mark = groups.markOf(group);
      return {
        id,
        name: group.displayName,
        active: true,
        ...(mark === undefined ? {} : { mark }),
      };
    },
    async write(writes, signal) {
      await target.beforeWrite?.();
      return await groups.write(
        writes.map((write) => {
          const { set, unset } = split<NewGroup>(write.attributes as ManagedAttributes<NewGroup>);
          if (write.kind === "modify") {
            return { kind: "modify", id: write.id, modification: { set, unset } };
          }
          return {
            kind: "create",
            resource: { ...set, displayName: named("displayName", set.displayName) },
          };
        }),
        signal === undefined ? {} : { signal },
      );
    },
    async delete(id) {
      await target.beforeWrite?.();
      await groups.delete(id);
      await leaveGroups(groups, { id, type: "Group" });
    },
  };
}

function named(attribute: string, name: string | undefined): string {
  if (name === undefined || name === "") {
    throw new InvalidValueError(
      attribute,
      "the entry has no value for it, and an account needs one.",
    );
  }
  return name;
}

/** Divides what a source says into values to set and attributes to clear. */
function split<N>(attributes: ManagedAttributes<N>): {
  set: Partial<N>;
  unset: string[];
} {
  const named: [string, unknown][] = [];
  const unset: string[] = [];
  for (const entry of Object.entries(attributes)) {
    if (entry[1] === null) unset.push(entry[0]);
    else if (entry[1] !== undefined) named.push(entry);
  }
  // Made so, an attribute that is called "__proto__" is one like any other.
  return { set: Object.fromEntries(named) as Partial<N>, unset };
}
