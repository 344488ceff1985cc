import type { LinkState } from "../../repositories/index.js";
import type { TableNames } from "../column-map/table-names.js";
import { batches, lists } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";

/**
 * The state of an entry of which nothing is known but its id, to which a reference refers or a name belongs. It has no
 * link: `LinkRepository` does not return it.
 */
export const unlinked = "none";

/** What other tables need to know of an entry. */
export interface Entry {
  /** The number by which they refer to it, which is never used again. */
  readonly id: number;
  readonly sourceId: string;
  readonly state: LinkState | typeof unlinked;
  /** Its names as keys, but for those that do not fit into the columns. */
  readonly dn: string | null;
  readonly uid: string | null;
}

interface EntryRow extends KeyedRow {
  readonly id: number | string;
  readonly source_id: string;
  readonly state: Entry["state"];
  readonly dn: string | null;
  readonly uid: string | null;
}

/** The entries of sources by their ids. */
export class Entries {
  readonly #session: Session;
  readonly #tables: TableNames;

  constructor(session: Session, tables: TableNames) {
    this.#session = session;
    this.#tables = tables;
  }

  /** The entries with these ids, as far as they are known. */
  async find(source: string, sourceIds: Iterable<string>): Promise<Map<string, Entry>> {
    const found = new Map<string, Entry>();
    for (const part of lists([...new Set(sourceIds)])) {
      const rows = await this.#session.read<EntryRow>(
        (p) => `select id, source_id, state, dn, uid, whole_texts from ${this.#tables.link}
          where source = ${p.value(encodeKey(source))} and source_id in ${p.list(part.map(encodeKey))}`,
      );
      for (const row of rows) {
        const { state, dn, uid } = row;
        const sourceId = decodeKey(row, "source_id");
        // A driver returns integers of 64 bits as texts.
        found.set(sourceId, { id: Number(row.id), sourceId, state, dn, uid });
      }
    }
    return found;
  }

  /** The entries with these ids; those that are not known are noted. */
  async findOrCreate(
    source: string,
    sourceIds: Iterable<string>,
  ): Promise<ReadonlyMap<string, Entry>> {
    const asked = [...new Set(sourceIds)];
    const found = await this.find(source, asked);
    const missing = asked.filter((id) => !found.has(id));
    if (missing.length === 0) return found;
    await this.note(source, missing);
    return new Map([...found, ...(await this.find(source, missing))]);
  }

  /** Makes entries of which nothing is known but their ids, where there are none. */
  async note(source: string, sourceIds: readonly string[]): Promise<void> {
    const { dialect } = this.#session;
    const stored = encodeKey(source);
    for (const part of batches(sourceIds)) {
      const rows = part.map((sourceId) => {
        const whole = wholeTexts({ source, source_id: sourceId });
        return [stored, encodeKey(sourceId), "User", unlinked, 0, 0, 0, 0, whole];
      });
      await this.#session.write(
        (p) => `insert into ${this.#tables.link}
          (source, source_id, type, state, adopted, seen, disabled_by_us, unsettled, whole_texts)
          values ${p.rows(rows)} ${dialect.onConflict(["source", "source_id"], [])}`,
      );
    }
  }
}
