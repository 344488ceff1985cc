import type { ManagedAttributes, Upsert } from "../changes/index.js";
import { InvalidValueError } from "../core/index.js";
import type { SyncTarget, WriteResult } from "../repositories/index.js";
import {
  bindFilter,
  eq,
  groupResourceType,
  type NewGroup,
  type NewUser,
  userResourceType,
} from "../scim/index.js";

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
}

/**
 * The application's users, or its groups, by what both have in common: a name, attributes, and whether they are there.
 */
export interface Accounts {
  readonly naming: "userName" | "displayName";
  readonly canRename: boolean;
  /** Whether `delete` removes the account for good. */
  readonly canDelete: boolean;
  /** The accounts of this name. There is at most one user, but there may be several groups. */
  find(name: string): Promise<readonly Account[]>;
  /** Whether the account is active; `undefined` when there is none. */
  isActive(id: string): Promise<boolean | undefined>;
  write(writes: readonly AccountWrite[], signal?: AbortSignal): Promise<readonly WriteResult[]>;
  delete(id: string): Promise<void>;
}

/** The accounts of a type; `undefined` for groups where the target has none. */
export function accountsOf(target: SyncTarget, type: "User" | "Group"): Accounts | undefined {
  if (type === "User") return userAccounts(target.users);
  return target.groups === undefined ? undefined : groupAccounts(target.groups);
}

/** The name that an entry gives its account. */
export function nameOf(change: Upsert): string | undefined {
  const name = change.type === "User" ? change.resource.userName : change.resource.displayName;
  return name ?? undefined;
}

function userAccounts(users: SyncTarget["users"]): Accounts {
  return {
    naming: "userName",
    canRename: users.capabilities.rename,
    canDelete: users.capabilities.delete === "hard",
    async find(name) {
      const filter = bindFilter(eq("userName", name), userResourceType);
      const page = await users.find({ filter });
      return page.resources.map((user) => ({ id: user.id, name: user.userName }));
    },
    async isActive(id) {
      const user = await users.get(id);
      return user === undefined ? undefined : user.active !== false;
    },
    async write(writes, signal) {
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
    delete: (id) => users.delete(id),
  };
}

function groupAccounts(groups: NonNullable<SyncTarget["groups"]>): Accounts {
  return {
    naming: "displayName",
    canRename: groups.capabilities.rename,
    canDelete: groups.capabilities.delete === "hard",
    async find(name) {
      const filter = bindFilter(eq("displayName", name), groupResourceType);
      const page = await groups.find({ filter });
      return page.resources.map((group) => ({ id: group.id, name: group.displayName }));
    },
    async isActive(id) {
      return (await groups.get(id)) === undefined ? undefined : true;
    },
    async write(writes, signal) {
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
    delete: (id) => groups.delete(id),
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
  const named = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const unset = named.filter(([, value]) => value === null).map(([attribute]) => attribute);
  // Made so, an attribute that is called "__proto__" is one like any other.
  const set = Object.fromEntries(named.filter(([, value]) => value !== null)) as Partial<N>;
  return { set, unset };
}
