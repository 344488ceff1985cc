import type { Name } from "../../changes/index.js";
import { caseless } from "../../core/index.js";
import {
  type HeldName,
  type Link,
  type LinkOwner,
  LinkRepository,
  type LinkSelection,
} from "../../repositories/index.js";
import { quotedTableNames, type TableNames, type TableOptions } from "../column-map/table-names.js";
import { batches, lists, type Parameters } from "../sql/parameters.js";
import { type KyselyDatabase, type Session, sessionOn } from "../sql/session.js";
import { decodeKey, encodeKey } from "../sql/stored-key.js";
import { unlinked } from "./entries.js";
import { EntryChanges } from "./entry-changes.js";
import { LinkNames } from "./link-names.js";
import {
  decodeLink,
  decodeOwner,
  encodeLink,
  type LinkRow,
  linkColumns,
  type OwnerRow,
  ownerColumns,
  readColumns,
} from "./link-rows.js";
import { noteTables } from "./store-tables.js";

type StateRow = Pick<LinkRow, "source_id" | "state" | "seen" | "whole_texts">;

/** Links and their names, in the tables that `createTables` makes. */
export class KyselyLinkRepository extends LinkRepository {
  readonly #session: Session;
  readonly #tables: TableNames;
  readonly #names: LinkNames;

  constructor(db: KyselyDatabase | Session, options?: TableOptions) {
    super();
    this.#session = sessionOn(db);
    this.#tables = quotedTableNames(this.#session.dialect, options);
    noteTables(this, this.#session, this.#tables);
    this.#names = new LinkNames(this.#session, this.#tables);
  }

  override async get(
    source: string,
    sourceIds: readonly string[],
  ): Promise<readonly (Link | undefined)[]> {
    const found = new Map<string, Link>();
    for (const part of lists(sourceIds)) {
      const rows = await this.#session.read<LinkRow>(
        (p) =>
          `select ${readColumns} from ${this.#tables.link}
          where ${entries(p, source, part)} and state <> '${unlinked}'`,
      );
      for (const link of rows.map(decodeLink)) found.set(link.sourceId, link);
    }
    return sourceIds.map((sourceId) => found.get(sourceId));
  }

  override async save(source: string, links: readonly Link[]): Promise<void> {
    const stored = encodeKey(source);
    // A statement cannot write one row twice; of two links with one id the last is meant.
    const latest = [...new Map(links.map((link) => [link.sourceId, link])).values()];
    const onConflict = this.#session.dialect.onConflict(
      ["source", "source_id"],
      linkColumns.filter((column) => column !== "source_id"),
      { table: this.#tables.link, columns: ["seen"] },
    );
    const head = `insert into ${this.#tables.link} (source, ${writtenColumns})`;
    await this.#session.together(async (session) => {
      const changes = new EntryChanges(session, this.#tables);
      await changes.before(source, latest);
      for (const part of batches(latest)) {
        const rows = part.map((link) => [stored, ...encodeLink(source, link)]);
        await session.write((p) => session.insertText(p, head, rows, onConflict));
      }
    });
  }

  override async markSeen(
    source: string,
    sourceIds: readonly string[],
    generation: number,
  ): Promise<void> {
    for (const part of lists(sourceIds)) {
      await this.#session.write(
        (p) => `update ${this.#tables.link} set seen = ${p.value(generation)}
          where ${entries(p, source, part)} and state <> '${unlinked}' and seen < ${p.value(generation)}`,
      );
    }
  }

  override async markDirty(
    source: string,
    sourceIds: readonly string[],
    isDirty: boolean,
  ): Promise<void> {
    for (const part of lists(sourceIds)) {
      await this.#session.write(
        (p) => `update ${this.#tables.link} set unsettled = ${p.value(Number(isDirty))}
          where ${entries(p, source, part)} and state <> '${unlinked}'
          and unsettled <> ${p.value(Number(isDirty))}`,
      );
    }
  }

  override async list(
    source: string,
    selection: LinkSelection,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly Link[]> {
    return (await this.#page<LinkRow>(readColumns, source, selection, page)).map(decodeLink);
  }

  override async listIds(
    source: string,
    selection: LinkSelection,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly string[]> {
    type IdRow = Pick<LinkRow, "source_id" | "whole_texts">;
    const rows = await this.#page<IdRow>("source_id, whole_texts", source, selection, page);
    return rows.map((row) => decodeKey(row, "source_id"));
  }

  async #page<Row>(
    columns: string,
    source: string,
    selection: LinkSelection,
    page: { readonly after?: string; readonly count: number },
  ): Promise<Row[]> {
    return await this.#session.read<Row>((p) => {
      const condition = selected(p, source, selection);
      const after =
        page.after === undefined ? "" : ` and source_id > ${p.value(encodeKey(page.after))}`;
      return `select ${columns} from ${this.#tables.link} where ${condition}${after}
        order by source_id limit ${p.value(page.count)}`;
    });
  }

  override async count(source: string, selection: LinkSelection): Promise<number> {
    const [row] = await this.#session.read<{ readonly count: number | string }>(
      (p) => `select count(*) as count from ${this.#tables.link}
        where ${selected(p, source, selection)}`,
    );
    return Number(row?.count ?? 0);
  }

  override async latestSeen(source: string): Promise<number> {
    const [row] = await this.#session.read<{ readonly latest: number | null }>(
      (p) => `select max(seen) as latest from ${this.#tables.link}
        where source = ${p.value(encodeKey(source))}`,
    );
    return row?.latest ?? 0;
  }

  override async remove(source: string, sourceIds: readonly string[]): Promise<void> {
    if (sourceIds.length === 0) return;
    await this.#session.together(async (session) => {
      await new LinkNames(session, this.#tables).remove(source, sourceIds);
      await new EntryChanges(session, this.#tables).forget(source, sourceIds);
    });
  }

  override async owners(
    type: "User" | "Group",
    resourceIds: readonly string[],
  ): Promise<readonly LinkOwner[]> {
    const found: LinkOwner[] = [];
    for (const part of lists([...new Set(resourceIds)])) {
      const rows = await this.#session.read<OwnerRow>(
        (p) => `select ${ownerColumns.join(", ")} from ${this.#tables.link}
          where type = ${p.value(type)} and resource_id in ${p.list(part.map(encodeKey))}`,
      );
      found.push(...rows.map(decodeOwner));
    }
    return found;
  }

  override async intents(type: "User" | "Group", name: string): Promise<readonly LinkOwner[]> {
    const rows = await this.#session.read<OwnerRow>(
      (p) => `select ${ownerColumns.join(", ")} from ${this.#tables.link}
        where type = ${p.value(type)} and intent_key = ${p.value(encodeKey(caseless(name)))}`,
    );
    return rows.map(decodeOwner);
  }

  override names(source: string, sourceIds: readonly string[]): Promise<readonly HeldName[]> {
    return this.#names.of(source, sourceIds);
  }

  override async setNames(
    source: string,
    named: readonly { readonly sourceId: string; readonly names: readonly Name[] }[],
  ): Promise<void> {
    if (named.length === 0) return;
    await this.#session.together((session) =>
      new LinkNames(session, this.#tables).set(source, named),
    );
  }

  override async holders(source: string, names: readonly Name[]): Promise<readonly HeldName[]> {
    const ids = new Set(names.flatMap((name) => (name.kind === "id" ? name.key : [])));
    const links = await this.#states(source, [...ids]);
    return [
      ...links.map((link): HeldName => ({ kind: "id", key: link.sourceId, ...link })),
      ...(await this.#names.holders(source, names)),
    ];
  }

  async #states(
    source: string,
    sourceIds: readonly string[],
  ): Promise<Omit<HeldName, keyof Name>[]> {
    const rows: StateRow[] = [];
    for (const part of lists(sourceIds)) {
      rows.push(
        ...(await this.#session.read<StateRow>(
          (p) => `select source_id, state, seen, whole_texts from ${this.#tables.link}
            where ${entries(p, source, part)} and state <> '${unlinked}'`,
        )),
      );
    }
    return rows.map((row) => ({
      sourceId: decodeKey(row, "source_id"),
      state: row.state,
      seen: row.seen,
    }));
  }
}

/** What is written of a link. */
const writtenColumns = linkColumns.join(", ");

/** The condition for entries of a source. */
function entries(p: Parameters, source: string, sourceIds: readonly string[]): string {
  return `source = ${p.value(encodeKey(source))} and source_id in ${p.list(sourceIds.map(encodeKey))}`;
}

/** The condition for a selection. What is always the same is written as a literal, since partial indexes need that. */
function selected(p: Parameters, source: string, selection: LinkSelection): string {
  const { states, seenBefore, dirty, failed, intended, unfinished } = selection;
  return [
    `source = ${p.value(encodeKey(source))}`,
    ...(states === undefined
      ? [`state <> '${unlinked}'`]
      : [states.length > 0 ? `state in ${p.list(states)}` : "1 = 0"]),
    ...(seenBefore === undefined ? [] : [`seen < ${p.value(seenBefore)}`]),
    ...(dirty === undefined ? [] : ["unsettled = 1"]),
    ...(failed === undefined ? [] : ["failure is not null"]),
    ...(intended === undefined ? [] : ["intent_key is not null"]),
    ...(unfinished === undefined ? [] : ["digest is null"]),
  ].join(" and ");
}
