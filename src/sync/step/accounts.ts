import type { ManagedAttributes, Upsert } from "../../changes/index.js";
import { InvalidValueError } from "../../core/index.js";
import {
  leaveGroups,
  type ResourceRepository,
  type WriteResult,
} from "../../repositories/index.js";
import {
  bindFilter,
  eq,
  groupResourceType,
  type Resource,
  userResourceType,
} from "../../scim/index.js";
import type { RunnerTarget } from "./context.js";

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
  /** What distinguishes it from another one that gets its id later. */
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
  const { users, groups } = target;
  if (type === "User") return accountsIn(target, users, { type, naming: "userName" });
  if (groups === undefined) return undefined;
  return accountsIn(target, groups, { type, naming: "displayName" });
}

/** The name that an entry gives its account. */
export function nameOf(change: Upsert): string | undefined {
  const name = change.type === "User" ? change.resource.userName : change.resource.displayName;
  return name ?? undefined;
}

function accountsIn<T extends Resource, N>(
  target: RunnerTarget,
  store: ResourceRepository<T, N>,
  { type, naming }: Pick<Accounts, "naming"> & { readonly type: "User" | "Group" },
): Accounts {
  const { rename, ids, delete: deletes } = store.capabilities;
  const resourceType = type === "User" ? userResourceType : groupResourceType;
  const nameIn = (resource: T) => Reflect.get(resource, naming) as string;
  return {
    naming,
    canRename: rename,
    canDelete: deletes === "hard",
    reusesIds: ids === "reused",
    async find(name) {
      const page = await store.find({ filter: bindFilter(eq(naming, name), resourceType) });
      return page.resources.map((resource) => ({
        id: resource.id,
        name: nameIn(resource),
        ...(resource.externalId === undefined ? {} : { externalId: resource.externalId }),
      }));
    },
    async look(id) {
      const resource = await store.get(id);
      if (resource === undefined) return undefined;
      const mark = store.markOf(resource);
      const active = type === "Group" || Reflect.get(resource, "active") !== false;
      return { id, name: nameIn(resource), active, ...(mark === undefined ? {} : { mark }) };
    },
    async write(writes, signal) {
      await target.beforeWrite?.();
      return await store.write(
        writes.map((write) => {
          const { set, unset } = split<N>(write.attributes as ManagedAttributes<N>);
          if (write.kind === "modify") {
            return { kind: "modify", id: write.id, modification: { set, unset } };
          }
          const name = named(naming, Reflect.get(set, naming) as string | undefined);
          return { kind: "create", resource: { ...set, [naming]: name } as N };
        }),
        signal === undefined ? {} : { signal },
      );
    },
    async delete(id) {
      await target.beforeWrite?.();
      await store.delete(id);
      // The memberships that were granted here are gone already; those that others gave go with the account.
      if (target.groups !== undefined) await leaveGroups(target.groups, { id, type });
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
