import type { CallOptions } from "../../repositories/index.js";
import type { DependentColumn, ResourceMap } from "../column-map/column-map.js";
import { isAmong, type StoredId, storedId } from "../column-map/id-column.js";
import { quotedTable } from "../column-map/table-names.js";
import type { SqlDialect } from "../sql/dialect.js";
import { lists, type Parameters } from "../sql/parameters.js";
import type { Session, StatementText } from "../sql/session.js";

/** What is to be known of the resources that others depend on. */
interface DependedOn {
  readonly map: ResourceMap;
  readonly rows: { readonly type: "User" | "Group" };
  readonly isOwn: boolean;
  readonly now: () => Date;
}

type Owner = NonNullable<DependentColumn["owner"]>;

/** The rows of other tables that depend on resources, and what these belong to. */
export class Dependents {
  readonly #session: Session;
  readonly #on: DependedOn;
  readonly #columns: readonly DependentColumn[];

  constructor(session: Session, on: DependedOn) {
    this.#session = session;
    this.#on = on;
    this.#columns = on.map.dependents ?? [];
  }

  /**
   * Sees to it that what loses a row with these resources, such as the groups that they are in, stays as it is until
   * the transaction ends. A writer that adds a member locks the group first and then the member, and so does one that
   * deletes one.
   */
  async holdOwners(ids: readonly StoredId[], options?: CallOptions): Promise<void> {
    const { dialect } = this.#session;
    if (dialect.lockRow === "") return;
    for (const dependent of this.#columns) {
      const { owner } = dependent;
      if (owner === undefined || !isCounted(owner.of)) continue;
      const owners = new Set<StoredId>();
      for (const part of lists(ids)) {
        const rows = await this.#session.read<{ owner: StoredId }>(
          (p) => `select distinct ${dialect.quote(owner.column)} as owner
            from ${quotedTable(dialect, dependent)} where ${this.#depends(p, dependent, part)}`,
          options,
        );
        for (const row of rows) owners.add(row.owner);
      }
      const id = dialect.quote(owner.of.id.column);
      for (const part of lists([...owners].sort((one, other) => (one < other ? -1 : 1)))) {
        await this.#session.read(
          (p) => `select ${id} from ${quotedTable(dialect, owner.of)}
            where ${id} in ${p.list(part)} order by ${id} ${dialect.lockRow}`,
          options,
        );
      }
    }
  }

  /** Removes the rows that depend on these resources; what they belong to has a new version then. */
  async remove(ids: readonly StoredId[], options?: CallOptions): Promise<void> {
    const { dialect } = this.#session;
    for (const dependent of this.#columns) {
      const { owner } = dependent;
      const owners = new Set<StoredId>();
      for (const part of lists(ids)) {
        const text: StatementText = (p) =>
          `delete from ${quotedTable(dialect, dependent)} where ${this.#depends(p, dependent, part)}`;
        if (owner === undefined || !isCounted(owner.of)) {
          await this.#session.write(text, options);
          continue;
        }
        const rows = await this.#session.read<{ owner: StoredId }>(
          (p) => `${text(p)} returning ${dialect.quote(owner.column)} as owner`,
          options,
        );
        for (const row of rows) owners.add(row.owner);
      }
      if (owner !== undefined) await this.touch(owner.of, [...owners], options);
    }
  }

  /** Changes the version of resources, where there are versions, since something that is kept beside them changed. */
  async touch(of: Owner["of"], ids: readonly StoredId[], options?: CallOptions): Promise<void> {
    if (!isCounted(of)) return;
    const { dialect } = this.#session;
    const { column, type } = of.id;
    for (const part of lists(ids)) {
      await this.#session.write((p) => {
        const set = moved(dialect, of, this.#on.now, p).join(", ");
        return `update ${quotedTable(dialect, of)} set ${set}
          where ${this.#isAmong(p, dialect.quote(column), part, type)}`;
      }, options);
    }
  }

  /** The condition that a row of another table depends on one of these resources. */
  #depends(
    p: Parameters,
    { column, idType, type }: DependentColumn,
    ids: readonly StoredId[],
  ): string {
    const { quote } = this.#session.dialect;
    const { type: own } = this.#on.map.id;
    // A number is no text to a database, or another one: SQLite takes 1 for the text 1.0.
    const there =
      (idType ?? own) === own ? ids : ids.flatMap((id) => storedId(`${id}`, idType) ?? []);
    if (there.length === 0) return "1 = 0";
    const depends = this.#isAmong(p, quote(column), there, idType ?? own);
    return type === undefined
      ? depends
      : `${depends} and ${quote(type)} = ${p.value(this.#on.rows.type)}`;
  }

  /** The condition that a column of ids has one of these. In the package's own tables equal is what is equal. */
  #isAmong(
    p: Parameters,
    column: string,
    ids: readonly StoredId[],
    type: ResourceMap["id"]["type"],
  ): string {
    return this.#on.isOwn ? `${column} in ${p.list(ids)}` : isAmong(p, column, ids, type);
  }
}

/** Whether it shows that something has changed. */
function isCounted({ version, lastModified }: Owner["of"]): boolean {
  return version !== undefined || lastModified !== undefined;
}

/** The assignments of a new version and of the time. */
export function moved(
  { quote }: SqlDialect,
  { version, lastModified }: Pick<ResourceMap, "version" | "lastModified">,
  now: () => Date,
  p: Parameters,
): string[] {
  const count = version === undefined ? [] : [`${quote(version)} = ${quote(version)} + 1`];
  return lastModified === undefined
    ? count
    : [...count, `${quote(lastModified)} = ${p.value(now().toISOString())}`];
}
