import type { CallOptions } from "../../repositories/index.js";
import {
  type DependentColumn,
  type GroupMap,
  type MemberMap,
  memberships,
  type UserMap,
} from "../column-map/column-map.js";
import { ownMemberships } from "../column-map/own-maps.js";
import { type TableOptions, tableNames } from "../column-map/table-names.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { type KyselyGroupOptions, KyselyGroupRepository } from "./group-repository.js";
import { type KyselyUserOptions, KyselyUserRepository } from "./user-repository.js";

/** Options of {@link kyselyRepositories}. */
export interface KyselyRepositoriesOptions extends TableOptions {
  /** Where the users are. Default: the table that `createTables` makes. */
  readonly users?: UserMap | undefined;
  /**
   * Where the groups and their members are. Default: the tables that `createTables` makes, whose members are the users
   * wherever these are. `false`: there are no groups.
   */
  readonly groups?:
    | {
        /** Where the groups are. */
        readonly groups: GroupMap;
        /** Where their members are. */
        readonly members: MemberMap;
      }
    | false
    | undefined;
  /** Ends the sessions of a user. Without it, a user who is disabled stays signed in. */
  readonly revokeSessions?: ((id: string, options?: CallOptions) => Promise<void>) | undefined;
}

/** The users of a database, without groups. */
export interface KyselyUsers {
  /** The store of the users. */
  readonly users: KyselyUserRepository;
  /** Runs `work` with the same store, bound to one transaction. */
  transaction<R>(work: (repositories: KyselyUsers) => Promise<R>): Promise<R>;
}

/** The users and the groups of a database, as `createScimServer` takes them. */
export interface KyselyRepositories {
  /** The store of the users, who are those that can be members. */
  readonly users: KyselyUserRepository;
  /** The store of the groups and of who is in them. */
  readonly groups: KyselyGroupRepository;
  /** Runs `work` with the same stores, bound to one transaction. */
  transaction<R>(work: (repositories: KyselyRepositories) => Promise<R>): Promise<R>;
}

/**
 * The users and groups of a database in one call, be they in tables of the application or in those that `createTables`
 * makes. Who is added to a group is looked for among the users, and leaves the groups when deleted: what
 * {@link KyselyUserRepository} and {@link KyselyGroupRepository} have to know of each other is said here once.
 *
 * ```ts
 * const scim = createScimServer({ baseUrl, authenticate, repositories: kyselyRepositories(db) });
 * ```
 *
 * @throws {InvalidValueError} a map names what is no attribute, or ids that are used again without a mark.
 */
export function kyselyRepositories(
  db: KyselyDatabase,
  options: KyselyRepositoriesOptions & { readonly groups: false },
): KyselyUsers;
export function kyselyRepositories(
  db: KyselyDatabase,
  options?: KyselyRepositoriesOptions,
): KyselyRepositories;
export function kyselyRepositories(
  db: KyselyDatabase,
  options: KyselyRepositoriesOptions = {},
): KyselyUsers | KyselyRepositories {
  const { groups } = options;
  const users = userOptions(options);
  const session = new Session(db);
  if (groups === false) return usersOn(session, users);
  return bothOn(session, users, groupOptions(options, users));
}

function usersOn(session: Session, options: KyselyUserOptions): KyselyUsers {
  return {
    users: new KyselyUserRepository(session, options),
    transaction: (work) => session.atomically((inside) => work(usersOn(inside, options))),
  };
}

function bothOn(
  session: Session,
  users: KyselyUserOptions,
  groups: KyselyGroupOptions,
): KyselyRepositories {
  return {
    users: new KyselyUserRepository(session, users),
    groups: new KyselyGroupRepository(session, groups),
    transaction: (work) => session.atomically((inside) => work(bothOn(inside, users, groups))),
  };
}

function userOptions(options: KyselyRepositoriesOptions): KyselyUserOptions {
  const { prefix, revokeSessions, users } = options;
  return {
    ...(prefix !== undefined && { prefix }),
    ...(revokeSessions !== undefined && { revokeSessions }),
    ...(users !== undefined && { map: withMemberships(users, options) }),
  };
}

function groupOptions(
  { prefix, groups }: KyselyRepositoriesOptions,
  { map: users }: KyselyUserOptions,
): KyselyGroupOptions {
  return {
    ...(prefix !== undefined && { prefix }),
    ...(groups !== undefined && groups !== false && { map: groups }),
    ...(users !== undefined && { users }),
  };
}

/** The map of users, whose rows in the table of members go with them. */
function withMemberships(users: UserMap, options: KyselyRepositoriesOptions): UserMap {
  const { groups } = options;
  if (groups === false) return users;
  const own: DependentColumn =
    groups === undefined
      ? ownMemberships(tableNames(options))
      : memberships(groups.members, groups.groups);
  const isOwn = ({ schema, table, column }: DependentColumn): boolean =>
    schema === own.schema && table === own.table && column === own.column;
  return { ...users, dependents: [...(users.dependents ?? []).filter((one) => !isOwn(one)), own] };
}
