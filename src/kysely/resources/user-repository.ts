import {
  assertDeclared,
  type CallOptions,
  type Capabilities,
  type Modification,
  type Page,
  type Query,
  type ReadOptions,
  UserRepository,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "../../repositories/index.js";
import { type NewUser, type ResourceType, type User, userResourceType } from "../../scim/index.js";
import type { DependentColumn, UserMap } from "../column-map/column-map.js";
import { ownMemberships, ownUserMap } from "../column-map/own-maps.js";
import { type TableNames, type TableOptions, tableNames } from "../column-map/table-names.js";
import { type KyselyDatabase, type Session, sessionOn } from "../sql/session.js";
import { filterColumns } from "./filter.js";
import { fillKeysOf, type KeysFilled } from "./key-filling.js";
import { checkKeysOf, type KeyReport } from "./keys.js";
import { capabilitiesOf, checkIds, modifyBy, remove, rowChange } from "./operations.js";
import { ResourceRows } from "./rows.js";
import { ResourceTable } from "./table.js";
import type { ResourceTableParts } from "./table-parts.js";
import { ResourceWrites, writeOne } from "./writes.js";

/** Options of the repositories of resources. */
export interface ResourceOptions extends TableOptions {
  /** The type of the resources, for extensions of the host's own. Default: that of RFC 7643. */
  readonly type?: ResourceType | undefined;
  /** The most resources, or members, in one page. Default: 1000. */
  readonly maxPageSize?: number | undefined;
  /** What the time is. Default: the system's clock. */
  readonly now?: (() => Date) | undefined;
}

/** Options of {@link KyselyUserRepository}. */
export interface KyselyUserOptions extends ResourceOptions {
  /** Where the users are. Default: the table that `createTables` makes. */
  readonly map?: UserMap | undefined;
  /** Ends the sessions of a user. Without it the store has no sessions. */
  readonly revokeSessions?: ((id: string, options?: CallOptions) => Promise<void>) | undefined;
}

/**
 * Users in a table of the application, or in the one that `createTables` makes. A password is accepted and not kept.
 *
 * ```ts
 * const users = new KyselyUserRepository(db, {
 *   map: {
 *     table: "account",
 *     id: { column: "id", type: "integer" },
 *     created: "created_at",
 *     attributes: {
 *       userName: { column: "login", key: "login_key" },
 *       "name.givenName": "first_name",
 *       emails: "email",
 *       active: { column: "disabled", invert: true },
 *     },
 *     others: "ignore",
 *   },
 * });
 * ```
 */
export class KyselyUserRepository extends UserRepository {
  override readonly type: ResourceType;
  override readonly capabilities: Capabilities;
  override readonly revokeSessions?: (id: string, options?: CallOptions) => Promise<void>;
  readonly #table: ResourceTable<User>;

  /**
   * @throws {InvalidValueError} the map names what is no attribute of users, or ids that are used again without a mark.
   */
  constructor(db: KyselyDatabase | Session, options: KyselyUserOptions = {}) {
    super();
    const { revokeSessions } = options;
    const parts = partsOf(options);
    this.type = parts.type;
    const session = sessionOn(db);
    checkIds(parts.map, session.dialect);
    this.#table = new ResourceTable(session, parts);
    this.capabilities = capabilitiesOf(this.#table, {
      sessions: revokeSessions !== undefined,
    });
    if (revokeSessions !== undefined) this.revokeSessions = revokeSessions;
  }

  /**
   * Looks at the columns of keys that the map names, in every row. Rows that the application writes itself, or that
   * were there before the column, have no key, or one of another name.
   */
  checkKeys(options?: CallOptions): Promise<KeyReport> {
    return checkKeysOf(this.#table, options);
  }

  /** Writes the keys that are empty or stale, 500 rows to a transaction. It may be called at any time, and again. */
  fillKeys(options?: CallOptions): Promise<KeysFilled> {
    return fillKeysOf(this.#table, options);
  }

  override markOf(resource: User): string | undefined {
    return this.#table.parts.rows.markOf(resource);
  }

  override get(id: string, options?: ReadOptions): Promise<User | undefined> {
    return this.#table.get(id, options);
  }

  override async find(query: Query, options?: ReadOptions): Promise<Page<User>> {
    // The table refuses filters that it does not support.
    const { filter: _, ...unfiltered } = query;
    assertDeclared(unfiltered, this.capabilities);
    return await this.#table.find(query, options);
  }

  override create(resource: NewUser, options?: CallOptions): Promise<User> {
    return this.#table.create(resource, options);
  }

  override async replace(
    id: string,
    resource: NewUser | User,
    options?: WriteOptions,
  ): Promise<User> {
    await this.#table.update(id, this.#table.parts.rows.whole(resource), options);
    return await this.#table.written(id, options);
  }

  /** A change that reads nothing is one `update`. */
  override modify(
    id: string,
    modification: Modification<User, NewUser>,
    options?: WriteOptions,
  ): Promise<void> {
    return modifyBy(
      this.#table,
      id,
      modification,
      {
        type: this.type,
        read: (table) => table.get(id, options),
        apply: (table, changes, conditions) =>
          table.update(id, rowChange(table, changes), conditions, true),
      },
      options,
    );
  }

  override delete(id: string, options?: WriteOptions): Promise<void> {
    return remove(this.#table, id, options);
  }

  /** Creations that follow each other are inserted together, and deletions are made together. */
  override write(
    writes: readonly Write<User, NewUser>[],
    options?: CallOptions,
  ): Promise<readonly WriteResult[]> {
    return new ResourceWrites<User, NewUser>(
      this.#table,
      (write, own) => writeOne(this, write, own),
      () => true,
      options,
    ).run(writes);
  }
}

/** What was made of options, for as long as there are these: a repository is made for every transaction. */
const made = new WeakMap<KyselyUserOptions, ResourceTableParts<User>>();

function partsOf(options: KyselyUserOptions): ResourceTableParts<User> {
  const kept = made.get(options);
  if (kept !== undefined) return kept;
  const names = tableNames(options);
  const { type = userResourceType } = options;
  const map = options.map === undefined ? ownUserMap(names) : withOwners(options.map, names);
  const { maxPageSize = 1000, now = () => new Date() } = options;
  const rows = new ResourceRows<User>("User", map, type);
  const parts = {
    ...{ map, rows, type, maxPageSize, now },
    filterColumns: filterColumns(map, rows.columns),
    isOwn: options.map === undefined,
  };
  made.set(options, parts);
  return parts;
}

/** The map, where the rows of the package's own table of members say what they belong to. */
function withOwners({ dependents, ...map }: UserMap, names: TableNames): UserMap {
  if (dependents === undefined) return map;
  const own = ownMemberships(names);
  const isOwn = ({ schema, table, column, owner }: DependentColumn): boolean =>
    owner === undefined && schema === undefined && table === own.table && column === own.column;
  return { ...map, dependents: dependents.map((one) => (isOwn(one) ? own : one)) };
}
