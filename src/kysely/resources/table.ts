import { NotFoundError, UnsupportedError, VersionConflictError } from "../../core/index.js";
import type { CallOptions, Page, Query, WriteOptions } from "../../repositories/index.js";
import type { Resource } from "../../scim/index.js";
import { isId, type StoredId, storedId } from "../column-map/id-column.js";
import { quotedTable } from "../column-map/table-names.js";
import type { SqlDialect } from "../sql/dialect.js";
import { lists, type Parameters } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";
import { Conflicts } from "./conflicts.js";
import { Dependents, moved } from "./dependents.js";
import { assertKeys } from "./filled-keys.js";
import { orderColumns } from "./order.js";
import type { OrderColumn } from "./order-column.js";
import { findPage } from "./pages.js";
import type { Row, RowChange } from "./rows.js";
import type { ResourceTableParts } from "./table-parts.js";

/** The statements on a table of resources. */
export class ResourceTable<T extends Resource> {
  readonly session: Session;
  readonly parts: ResourceTableParts<T>;
  /** What can be in the way of a write. */
  readonly conflicts: Conflicts;
  /** The rows of other tables that depend on the resources. */
  readonly dependents: Dependents;
  /** The name of the table, as an identifier. */
  readonly name: string;
  /** The column with the ids, as an identifier. */
  readonly id: string;
  /** The end of a select of one resource. */
  readonly #lock: string;
  #orders: ReadonlyMap<string, OrderColumn> | undefined;

  constructor(session: Session, parts: ResourceTableParts<T>, lock = "") {
    this.session = session;
    this.parts = parts;
    this.#lock = lock;
    this.name = quotedTable(session.dialect, parts.map);
    this.id = session.dialect.quote(parts.map.id.column);
    this.conflicts = new Conflicts(session, parts.map, parts.rows.columns);
    this.dependents = new Dependents(session, parts);
  }

  /** The same table in another session. */
  in(session: Session): ResourceTable<T> {
    return new ResourceTable(session, this.parts);
  }

  /** The same table, of which each resource that is got stays as it is, for others, until the transaction ends. */
  locking(): ResourceTable<T> {
    return new ResourceTable(this.session, this.parts, this.session.dialect.lockRow);
  }

  async get(id: string, options?: CallOptions): Promise<T | undefined> {
    const stored = this.stored(id);
    if (stored === undefined) return undefined;
    const [row] = await this.session.read<Row>(
      (p) => `${this.select} where ${this.#is(p, stored)} ${this.#lock}`,
      options,
    );
    return row && this.parts.rows.resource(row);
  }

  /** A resource that was written just now. */
  async written(id: string, options?: CallOptions): Promise<T> {
    let resource: T | undefined;
    try {
      resource = await this.get(id, options);
    } catch (error) {
      throw this.session.afterWrite(error);
    }
    if (resource === undefined) throw new NotFoundError(id);
    return resource;
  }

  async find(query: Query, options?: CallOptions): Promise<Page<T>> {
    await assertKeys(this, options);
    return await findPage(this, query, options);
  }

  async create(attributes: object, options?: CallOptions): Promise<T> {
    const { rows } = this.parts;
    const { columns, ignored } = this.newRow(attributes);
    await assertKeys(this, options);
    await this.conflicts.assertFree(columns, undefined, options);
    const names = [...columns.keys()].map((name) => this.session.dialect.quote(name)).join(", ");
    let row: Row | undefined;
    try {
      [row] = await this.session.guarded(() =>
        this.session.read<Row>(
          (p) => `insert into ${this.name} (${names}) values ${p.rows([[...columns.values()]])}
            returning ${this.#selected}`,
          options,
        ),
      );
    } catch (error) {
      throw await this.conflicts.refusal(error, columns);
    }
    if (row !== undefined) {
      if (ignored.length > 0) options?.onIgnored?.(ignored);
      return rows.resource(row);
    }
    throw new UnsupportedError("The database does not say which row it inserted.");
  }

  /**
   * Writes to the row of a resource; nothing is read.
   *
   * @param unlessSame Whether a row in which nothing would change is left as it is, with its version and its time (RFC
   * 7644 §3.5.2.1).
   * @throws {NotFoundError} there is no such row.
   * @throws {VersionConflictError} it is not in the version `ifVersion`.
   */
  async update(
    id: string,
    change: RowChange,
    options: WriteOptions = {},
    unlessSame = false,
  ): Promise<void> {
    const stored = this.stored(id);
    if (stored === undefined) throw new NotFoundError(id);
    await assertKeys(this, options);
    await this.conflicts.assertFree(change.columns, stored, options);
    const assignments = (p: Parameters): string => this.#assignments(p, change);
    if (change.columns.size + change.set.size + change.removed.length === 0) {
      await this.assertExists(id, options);
      if (change.ignored.length > 0) options.onIgnored?.(change.ignored);
      return;
    }
    let written: number;
    try {
      written = await this.session.guarded(() =>
        this.session.write(
          (p) => `update ${this.name} set ${assignments(p)} where ${this.#is(p, stored, options)}
            ${unlessSame ? `and (${this.#differences(p, change)})` : ""}`,
          options,
        ),
      );
    } catch (error) {
      throw await this.conflicts.refusal(error, change.columns, stored);
    }
    // Some drivers count the rows that a statement found, and some those that it changed.
    if (written === 0) await this.assertExists(id, options);
    if (change.ignored.length > 0) options.onIgnored?.(change.ignored);
  }

  /** Changes the version of resources, where there are versions, since something that is kept beside them changed. */
  async touch(ids: readonly StoredId[], options?: CallOptions): Promise<void> {
    await this.dependents.touch(this.parts.map, ids, options);
  }

  /** Removes the row of a resource, and rows of other tables that depend on it. */
  async delete(id: string, options: WriteOptions = {}): Promise<void> {
    const stored = this.stored(id);
    if (stored === undefined) throw new NotFoundError(id);
    try {
      await this.session.atomically(async (session) => {
        const table = this.in(session);
        await table.dependents.holdOwners([stored], options);
        await table.assertExists(id, options);
        await table.dependents.remove([stored], options);
        const deleted = await session.write(
          (p) => `delete from ${this.name} where ${this.#is(p, stored, options)}`,
          options,
        );
        if (deleted === 0) await table.#fail(id, options);
      });
    } catch (error) {
      throw await this.conflicts.refusal(error, new Map());
    }
  }

  /**
   * Sees to it that a resource exists, in the version asked for, and stays so until the transaction ends.
   *
   * @throws {NotFoundError} it does not exist.
   * @throws {VersionConflictError} it is not in the version `ifVersion`.
   */
  async assertExists(id: string, options: WriteOptions = {}): Promise<void> {
    const stored = this.stored(id);
    if (stored === undefined) throw new NotFoundError(id);
    const lock = this.session.inTransaction ? this.session.dialect.lockRow : "";
    const [row] = await this.session.read(
      (p) => `select 1 as found from ${this.name}
        where ${this.#is(p, stored, options)} ${lock}`,
      options,
    );
    if (row === undefined) await this.#fail(id, options);
  }

  /**
   * Sees to it that all of these resources exist, and stay so until the transaction ends.
   *
   * @throws {NotFoundError} one of them does not exist.
   */
  async assertAll(ids: readonly StoredId[], options?: CallOptions): Promise<void> {
    const known = new Set(await this.known(ids, options));
    const missing = ids.find((id) => !known.has(id));
    if (missing !== undefined) throw new NotFoundError(String(missing));
  }

  /** Those of these resources that exist, which stay so until the transaction ends. */
  async known(ids: readonly StoredId[], options?: CallOptions): Promise<readonly StoredId[]> {
    const lock = this.session.inTransaction ? this.session.dialect.lockRow : "";
    const found = new Set<string>();
    // In one order, so that two transactions do not wait for each other.
    const inOrder = [...ids].sort((one, other) => (one < other ? -1 : 1));
    for (const part of lists(inOrder)) {
      const rows = await this.session.read<{ id: unknown }>(
        (p) => `select ${this.id} as id from ${this.name}
          where ${this.id} in ${p.list(part)} order by ${this.id} ${lock}`,
        options,
      );
      for (const { id } of rows) found.add(String(id));
    }
    return inOrder.filter((id) => found.has(String(id)));
  }

  /** The value of an id in its column. */
  stored(id: string): StoredId | undefined {
    return storedId(id, this.parts.map.id.type);
  }

  /** The columns of a new resource, with the id where it is not the database that makes it. */
  newRow(attributes: object): {
    readonly id: string | undefined;
    readonly columns: ReadonlyMap<string, unknown>;
    readonly ignored: readonly string[];
  } {
    const { map, rows, now } = this.parts;
    const { columns, ignored } = rows.created(attributes);
    const id = map.id.generate?.();
    const time = now().toISOString();
    if (id !== undefined) columns.set(map.id.column, storedId(id, map.id.type) ?? id);
    if (map.version !== undefined) columns.set(map.version, 1);
    if (map.created !== undefined) columns.set(map.created, time);
    if (map.lastModified !== undefined) columns.set(map.lastModified, time);
    for (const [name, value] of Object.entries(map.defaults ?? {})) {
      if (columns.has(name)) continue;
      columns.set(name, typeof value === "function" ? value(attributes) : value);
    }
    return { id, columns, ignored };
  }

  /** Finds out why a statement found no row. */
  async #fail(id: string, { ifVersion, ...options }: WriteOptions): Promise<never> {
    if (ifVersion !== undefined) {
      await this.assertExists(id, options);
      throw new VersionConflictError(`The resource "${id}" is not in the version ${ifVersion}.`);
    }
    throw new NotFoundError(id);
  }

  /** The condition for one resource, in one version where one is asked for. */
  #is(p: Parameters, id: StoredId, { ifVersion }: WriteOptions = {}): string {
    const is = isId(p, this.id, id, this.parts.map.id.type);
    if (ifVersion === undefined) return is;
    const { version } = this.parts.map;
    const number = /^W\/"(\d{1,9})"$/.exec(ifVersion)?.[1];
    if (version === undefined) {
      throw new UnsupportedError("The resources of this store have no versions.");
    }
    if (number === undefined) return `${is} and 1 = 0`;
    return `${is} and ${this.session.dialect.quote(version)} = ${p.value(Number(number))}`;
  }

  #assignments(p: Parameters, { columns, key, ...change }: RowChange): string {
    const { map } = this.parts;
    const { dialect } = this.session;
    const assignments = [...columns].map(
      ([name, value]) => `${dialect.quote(name)} = ${p.value(value)}`,
    );
    if (typeof map.others === "object") {
      const { column, key: keyColumn } = map.others;
      assignments.push(...changedDocument(dialect, column, change, p));
      assignments.push(...changedDocument(dialect, keyColumn, key, p));
    }
    assignments.push(...moved(dialect, map, this.parts.now, p));
    return assignments.join(", ");
  }

  /** The condition that a change makes any difference to a row. */
  #differences(p: Parameters, { columns, key, ...change }: RowChange): string {
    const { dialect } = this.session;
    const { others } = this.parts.map;
    const differences = Array.from(columns, ([name, value]) => {
      const column = dialect.quote(name);
      if (value === null || value === undefined) return `${column} is not null`;
      return dialect.differs(
        typeof value === "string" ? dialect.exact(column) : column,
        p.value(value),
      );
    });
    const documents =
      typeof others === "object"
        ? ([
            [others.column, change],
            [others.key, key],
          ] as const)
        : [];
    for (const [name, document] of documents) {
      if (name === undefined || document === undefined) continue;
      const column = dialect.quote(name);
      for (const [member, value] of document.set) {
        differences.push(dialect.memberDiffers(column, member, JSON.stringify(value), p.value));
      }
      for (const member of document.removed) {
        differences.push(dialect.hasMember(column, member, p.value));
      }
    }
    return differences.join(" or ");
  }

  /** The beginning of a select of resources. */
  get select(): string {
    return `select ${this.#selected} from ${this.name}`;
  }

  /** The columns by which resources can be ordered, by the path of the attribute. */
  get orders(): ReadonlyMap<string, OrderColumn> {
    const { map, rows, type } = this.parts;
    this.#orders ??= orderColumns(map, rows.columns, type, this.session.dialect);
    return this.#orders;
  }

  get #selected(): string {
    return this.parts.rows.selected.map((name) => this.session.dialect.quote(name)).join(", ");
  }
}

/** The assignment that changes members of a column of JSON, where any change. */
function changedDocument(
  dialect: SqlDialect,
  name: string | undefined,
  change: RowChange["key"],
  p: Parameters,
): string[] {
  if (name === undefined || change === undefined) return [];
  if (change.set.size + change.removed.length === 0) return [];
  const column = dialect.quote(name);
  const set = Array.from(change.set, ([member, value]) => ({
    name: member,
    json: JSON.stringify(value),
  }));
  return [`${column} = ${dialect.changedJson(column, set, change.removed, p.value)}`];
}
