import type { Name, NameKind } from "../changes/index.js";
import type { HeldName, LinkState } from "../repositories/index.js";
import { batches, lists } from "./parameters.js";
import type { Session } from "./session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "./stored-key.js";
import type { TableNames } from "./table-names.js";

interface NameRow extends KeyedRow {
  readonly kind: NameKind;
  readonly name_key: string;
  readonly source_id: string;
  readonly alias: number;
}

interface HeldNameRow extends NameRow {
  readonly state: LinkState;
  readonly seen: number;
}

/** The names by which the entries of a source are referred to, as its table holds them. */
export class LinkNames {
  readonly #session: Session;
  readonly #tables: TableNames;

  constructor(session: Session, tables: TableNames) {
    this.#session = session;
    this.#tables = tables;
  }

  /** The names of these entries. */
  async of(source: string, sourceIds: readonly string[]): Promise<HeldName[]> {
    const rows: HeldNameRow[] = [];
    for (const part of lists([...new Set(sourceIds)])) {
      rows.push(
        ...(await this.#session.read<HeldNameRow>(
          (p) => `${this.#selectHeld()} where n.source = ${p.value(encodeKey(source))}
            and n.source_id in ${p.list(part.map(encodeKey))} ${this.#linked}`,
        )),
      );
    }
    return rows.map(decodeHeld);
  }

  /** Who has these names. Those of kind `id` are not among them. */
  async holders(source: string, names: readonly Name[]): Promise<HeldName[]> {
    const rows: HeldNameRow[] = [];
    for (const [kind, keys] of keysByKind(names)) {
      for (const part of lists([...keys])) {
        rows.push(
          ...(await this.#session.read<HeldNameRow>(
            (
              p,
            ) => `${this.#selectHeld()} where n.source = ${p.value(encodeKey(source))} and n.kind = ${p.value(kind)}
              and n.name_key in ${p.list(part.map(encodeKey))} ${this.#linked}`,
          )),
        );
      }
    }
    return rows.map(decodeHeld);
  }

  /** Gives entries these names and no others, and takes distinguished names from whoever has them. */
  async set(
    source: string,
    entries: readonly { readonly sourceId: string; readonly names: readonly Name[] }[],
  ): Promise<void> {
    const wanted = wantedNames(entries);
    const ids = [...new Set(entries.map((entry) => entry.sourceId))];
    const present = new Set<string>();
    const surplus: NameRow[] = [];
    for (const row of await this.#rowsOf(source, ids)) {
      if (wanted.get(rowKey(row))?.alias === row.alias) present.add(rowKey(row));
      else surplus.push(row);
    }
    const missing = [...wanted].filter(([key]) => !present.has(key)).map(([, row]) => row);
    await this.#delete(source, surplus);
    await this.#deleteDistinguished(source, missing);
    const stored = encodeKey(source);
    for (const part of batches(missing)) {
      await this.#session.write(
        (
          p,
        ) => `insert into ${this.#tables.linkName} (source, kind, name_key, source_id, alias, whole_texts)
          values ${p.rows(part.map((row) => [stored, row.kind, row.name_key, row.source_id, row.alias, row.whole_texts]))}`,
      );
    }
  }

  /** Takes all names from these entries. */
  async remove(source: string, sourceIds: readonly string[]): Promise<void> {
    for (const part of lists(sourceIds)) {
      await this.#session.write(
        (p) => `delete from ${this.#tables.linkName}
          where source = ${p.value(encodeKey(source))}
          and source_id in ${p.list(part.map(encodeKey))}`,
      );
    }
  }

  /**
   * The beginning of a statement for names with what their links say; without a link, a name is held by nobody. Of a cross
   * join, SQLite looks up the right side for each row of the left one; of another it may begin with all links of the source.
   */
  #selectHeld(): string {
    return `select n.kind, n.name_key, n.source_id, n.alias, n.whole_texts, l.state, l.seen
      from ${this.#tables.linkName} n cross join ${this.#tables.link} l`;
  }

  /** The rest of the condition of such a statement. */
  readonly #linked = "and l.source = n.source and l.source_id = n.source_id";

  async #rowsOf(source: string, sourceIds: readonly string[]): Promise<NameRow[]> {
    const rows: NameRow[] = [];
    for (const part of lists(sourceIds)) {
      rows.push(
        ...(await this.#session.read<NameRow>(
          (p) => `select kind, name_key, source_id, alias, whole_texts from ${this.#tables.linkName}
            where source = ${p.value(encodeKey(source))}
            and source_id in ${p.list(part.map(encodeKey))}`,
        )),
      );
    }
    return rows;
  }

  async #delete(source: string, rows: readonly NameRow[]): Promise<void> {
    for (const part of lists(rows)) {
      await this.#session.write(
        (p) => `delete from ${this.#tables.linkName}
          where source = ${p.value(encodeKey(source))} and ${p.among(
            ["kind", "name_key", "source_id"],
            part.map((row) => [row.kind, row.name_key, row.source_id]),
          )}`,
      );
    }
  }

  async #deleteDistinguished(source: string, rows: readonly NameRow[]): Promise<void> {
    const keys = rows.flatMap((row) => (row.kind === "dn" ? row.name_key : []));
    for (const part of lists(keys)) {
      await this.#session.write(
        (p) => `delete from ${this.#tables.linkName}
          where source = ${p.value(encodeKey(source))} and kind = 'dn'
          and name_key in ${p.list(part)}`,
      );
    }
  }
}

/** The rows that entries shall have, by row key. Of two entries that claim a distinguished name, the later one has it. */
function wantedNames(
  entries: readonly { readonly sourceId: string; readonly names: readonly Name[] }[],
): Map<string, NameRow> {
  const wanted = new Map<string, NameRow>();
  const distinguished = new Map<string, string>();
  const latest = new Map(entries.map((entry) => [entry.sourceId, entry.names]));
  for (const [sourceId, names] of latest) {
    for (const { kind, key, alias } of names) {
      if (kind === "id") continue;
      const row = {
        kind,
        name_key: encodeKey(key),
        source_id: encodeKey(sourceId),
        alias: Number(alias === true),
        whole_texts: wholeTexts({ name_key: key, source_id: sourceId }),
      };
      if (kind === "dn") {
        const before = distinguished.get(key);
        if (before !== undefined) wanted.delete(before);
        distinguished.set(key, rowKey(row));
      }
      wanted.set(rowKey(row), row);
    }
  }
  return wanted;
}

/** One string for a row; keys hold no U+0000. */
function rowKey({ kind, name_key, source_id }: NameRow): string {
  return `${kind}\u0000${name_key}\u0000${source_id}`;
}

function decodeHeld(row: HeldNameRow): HeldName {
  const { kind, state, seen } = row;
  const key = decodeKey(row, "name_key");
  const isAlias = row.alias === 1 ? ({ alias: true } as const) : {};
  return { kind, key, ...isAlias, sourceId: decodeKey(row, "source_id"), state, seen };
}

function keysByKind(names: readonly Name[]): Map<NameKind, Set<string>> {
  const keys = new Map<NameKind, Set<string>>();
  for (const { kind, key } of names) {
    if (kind !== "id") keys.set(kind, (keys.get(kind) ?? new Set()).add(key));
  }
  return keys;
}
