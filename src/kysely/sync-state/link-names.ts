import type { Name, NameKind } from "../../changes/index.js";
import type { HeldName, LinkState } from "../../repositories/index.js";
import type { TableNames } from "../column-map/table-names.js";
import { batches, lists, tuples } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";
import { decodeText } from "../sql/stored-text.js";
import { Entries, type Entry, unlinked } from "./entries.js";
import { MembershipRows } from "./membership-rows.js";

/** What is read of the holder of a name. */
interface HolderRow extends KeyedRow {
  readonly id: number | string;
  readonly source_id: string;
  readonly state: LinkState;
  readonly seen: number;
  readonly dn: string | null;
  readonly uid: string | null;
}

/** A name that is in no column of its entry. */
interface OtherNameRow extends KeyedRow {
  readonly entry: number | string;
  readonly kind: "dn" | "uid";
  readonly name_key: string;
  readonly alias: number;
}

type HeldRow = HolderRow & OtherNameRow & { readonly whole_name: string | null };

/** The names that an entry shall have: one of each kind in a column, and the others in rows. */
interface WantedNames {
  dn: string | null;
  uid: string | null;
  readonly others: Map<string, OtherName>;
}

interface OtherName {
  readonly kind: "dn" | "uid";
  readonly key: string;
  readonly alias: number;
  readonly whole: string | null;
}

/** The columns of {@link HolderRow}. */
const holderColumns = "l.id, l.source_id, l.state, l.seen, l.dn, l.uid, l.whole_texts";

/** The names by which the entries of a source are referred to. */
export class LinkNames {
  readonly #session: Session;
  readonly #tables: TableNames;

  constructor(session: Session, tables: TableNames) {
    this.#session = session;
    this.#tables = tables;
  }

  /** The names of these entries. */
  async of(source: string, sourceIds: readonly string[]): Promise<HeldName[]> {
    const found: HeldName[] = [];
    for (const part of lists([...new Set(sourceIds)])) {
      const rows = await this.#session.read<HolderRow>(
        (p) => `select ${holderColumns} from ${this.#tables.link} l
          where l.source = ${p.value(encodeKey(source))}
          and l.source_id in ${p.list(part.map(encodeKey))} and l.state <> '${unlinked}'`,
      );
      for (const row of rows) {
        if (row.dn !== null) found.push(heldBy(row, "dn", decodeText(row.dn)));
        if (row.uid !== null) found.push(heldBy(row, "uid", decodeText(row.uid)));
      }
      const others = await this.#others(
        (p) => `l.source = ${p.value(encodeKey(source))}
          and l.source_id in ${p.list(part.map(encodeKey))} and n.entry = l.id`,
        "l",
      );
      found.push(...others);
    }
    return found;
  }

  /** The holders of these names. Those of kind `id` are not among them. */
  async holders(source: string, names: readonly Name[]): Promise<HeldName[]> {
    const found: HeldName[] = [];
    for (const [kind, keys] of keysByKind(names)) {
      for (const part of lists([...keys].map(encodeKey))) {
        const rows = await this.#session.read<HolderRow>(
          (p) => `select ${holderColumns} from ${this.#tables.link} l
            where l.${kind} in ${p.list(part)} and l.source = ${p.value(encodeKey(source))}
            and l.state <> '${unlinked}'`,
        );
        for (const row of rows) found.push(heldBy(row, kind, decodeText(row[kind] ?? "")));
        const others = await this.#others(
          (p) => `n.name_key in ${p.list(part)} and n.kind = ${p.value(kind)}
            and l.id = n.entry and l.source = ${p.value(encodeKey(source))}`,
          "n",
        );
        found.push(...others);
      }
    }
    return found;
  }

  /** Sets the names of entries, and takes distinguished names from the entries that have them. */
  async set(
    source: string,
    named: readonly { readonly sourceId: string; readonly names: readonly Name[] }[],
  ): Promise<void> {
    const asked = wantedNames(named);
    const entries = await new Entries(this.#session, this.#tables).findOrCreate(
      source,
      asked.keys(),
    );
    const stored = await this.#storedOthers(entries);
    const wanted = new Map(
      [...asked].filter(([sourceId, names]) => {
        const entry = entries.get(sourceId);
        return entry !== undefined && !isAs(names, entry, stored.get(entry.id) ?? []);
      }),
    );
    if (wanted.size === 0) return;
    await this.#takeDistinguished(source, wanted, entries, stored);
    await this.#giveUp(source, wanted, entries);
    await this.#write(source, wanted, entries);
    await this.#writeOthers(wanted, entries, stored);
  }

  /** Takes all names from these entries. */
  async remove(source: string, sourceIds: readonly string[]): Promise<void> {
    const entries = await new Entries(this.#session, this.#tables).find(source, sourceIds);
    await this.set(
      source,
      [...entries.keys()].map((sourceId) => ({ sourceId, names: [] })),
    );
  }

  /** Names in rows of their own. Of a cross join, SQLite looks up the right side for each row of the left one. */
  async #others(condition: Parameters<Session["read"]>[0], first: "l" | "n"): Promise<HeldName[]> {
    const { link, linkName } = this.#tables;
    const tables = [`${link} l`, `${linkName} n`];
    if (first === "n") tables.reverse();
    const rows = await this.#session.read<HeldRow>(
      (
        p,
      ) => `select ${holderColumns}, n.kind, n.name_key, n.alias, n.whole_texts as whole_name, n.entry
        from ${tables.join(" cross join ")} where ${condition(p)} and l.state <> '${unlinked}'`,
    );
    return rows.map((row) => {
      const { name_key, whole_name, kind } = row;
      const key = decodeKey({ name_key, whole_texts: whole_name }, "name_key");
      return { ...heldBy(row, kind, key), ...(Number(row.alias) === 1 ? { alias: true } : {}) };
    });
  }

  /** Takes the distinguished names from all other entries. */
  async #takeDistinguished(
    source: string,
    wanted: ReadonlyMap<string, WantedNames>,
    entries: ReadonlyMap<string, Entry>,
    stored: ReadonlyMap<number, readonly OtherNameRow[]>,
  ): Promise<void> {
    const { link, linkName } = this.#tables;
    const taken: string[] = [];
    const takenRows: string[] = [];
    for (const [sourceId, { dn, others }] of wanted) {
      const entry = entries.get(sourceId);
      if (dn !== null && entry?.dn !== dn) taken.push(dn);
      const own = stored.get(entry?.id ?? 0) ?? [];
      for (const { kind, key } of others.values()) {
        const isOwn = own.some((row) => row.kind === kind && row.name_key === key);
        if (kind === "dn" && !isOwn) takenRows.push(key);
      }
    }
    const own = new Map([...entries.values()].map((entry) => [entry.id, entry.sourceId]));
    const claimed = [...taken, ...takenRows];
    for (const part of lists(claimed)) {
      const holders = await this.#session.read<{ id: number | string; dn: string }>(
        (p) => `select id, dn from ${link}
          where dn in ${p.list(part)} and source = ${p.value(encodeKey(source))}`,
      );
      const losing = holders.flatMap(({ id, dn }) =>
        wanted.get(own.get(Number(id)) ?? "")?.dn === dn ? [] : Number(id),
      );
      if (losing.length > 0) {
        await new MembershipRows(this.#session, this.#tables).makeOdd(losing, "dn");
        await this.#session.write(
          (p) => `update ${link} set dn = null where id in ${p.list(losing)}`,
        );
      }
      await this.#session.write(
        (p) => `delete from ${linkName} where name_key in ${p.list(part)} and kind = 'dn'
          and exists (select 1 from ${link} l
            where l.id = ${linkName}.entry and l.source = ${p.value(encodeKey(source))})`,
      );
    }
  }

  /**
   * References that are bound by a name of the column keep it, in rows of their own, before the column gets another
   * one.
   */
  async #giveUp(
    source: string,
    wanted: ReadonlyMap<string, WantedNames>,
    entries: ReadonlyMap<string, Entry>,
  ): Promise<void> {
    const rows = new MembershipRows(this.#session, this.#tables);
    const lost: Record<"dn" | "uid", number[]> = { dn: [], uid: [] };
    const taken: string[] = [];
    for (const [sourceId, names] of wanted) {
      const entry = entries.get(sourceId);
      if (entry === undefined) continue;
      for (const kind of ["dn", "uid"] as const) {
        if (entry[kind] !== null && entry[kind] !== names[kind]) lost[kind].push(entry.id);
      }
      if (names.uid !== null && names.uid !== entry.uid) taken.push(names.uid);
    }
    // A user name that two have means neither of them.
    for (const part of lists(taken)) {
      const holders = await this.#session.read<{ id: number | string }>(
        (p) => `select id from ${this.#tables.link}
          where uid in ${p.list(part)} and source = ${p.value(encodeKey(source))}`,
      );
      lost.uid.push(...holders.map(({ id }) => Number(id)));
    }
    await rows.makeOdd(lost.dn, "dn");
    await rows.makeOdd(lost.uid, "uid");
  }

  async #write(
    source: string,
    wanted: ReadonlyMap<string, WantedNames>,
    entries: ReadonlyMap<string, Entry>,
  ): Promise<void> {
    const stored = encodeKey(source);
    const changed = [...wanted].filter(([sourceId, { dn, uid }]) => {
      const entry = entries.get(sourceId);
      return entry?.dn !== dn || entry.uid !== uid;
    });
    const onConflict = this.#session.dialect.onConflict(["source", "source_id"], ["dn", "uid"]);
    const head = `insert into ${this.#tables.link}
      (source, source_id, type, state, adopted, seen, disabled_by_us, unsettled, dn, uid)`;
    for (const part of batches(changed)) {
      const rows = part.map(([sourceId, { dn, uid }]) => [
        ...[stored, encodeKey(sourceId), "User", unlinked, 0, 0, 0, 0, dn, uid],
      ]);
      // The rows are there: the other columns are only what an insert requires.
      await this.#session.write((p) => this.#session.insertText(p, head, rows, onConflict));
    }
  }

  /** By entry, the names that are in rows of their own. */
  async #storedOthers(
    entries: ReadonlyMap<string, Entry>,
  ): Promise<ReadonlyMap<number, readonly OtherNameRow[]>> {
    const found: OtherNameRow[] = [];
    for (const part of lists([...entries.values()].map((entry) => entry.id))) {
      const rows = await this.#session.read<OtherNameRow>(
        (p) => `select entry, kind, name_key, alias, whole_texts from ${this.#tables.linkName}
          where entry in ${p.list(part)}`,
      );
      found.push(...rows);
    }
    return Map.groupBy(found, ({ entry }) => Number(entry));
  }

  async #writeOthers(
    wanted: ReadonlyMap<string, WantedNames>,
    entries: ReadonlyMap<string, Entry>,
    stored: ReadonlyMap<number, readonly OtherNameRow[]>,
  ): Promise<void> {
    const { linkName } = this.#tables;
    const surplus: [string, string, number][] = [];
    for (const [sourceId, { others }] of wanted) {
      const id = entries.get(sourceId)?.id ?? 0;
      for (const { kind, name_key, alias } of stored.get(id) ?? []) {
        const key = `${kind} ${name_key}`;
        if (others.get(key)?.alias === Number(alias)) others.delete(key);
        else surplus.push([name_key, kind, id]);
      }
    }
    for (const part of tuples(this.#session.dialect, surplus)) {
      await this.#session.write(
        (p) => `delete from ${linkName} where ${p.among(["name_key", "kind", "entry"], part)}`,
      );
    }
    const missing = [...wanted].flatMap(([sourceId, { others }]) => {
      const entry = entries.get(sourceId)?.id;
      return [...others.values()].map(({ kind, key, alias, whole }) => [
        ...[entry, kind, key, alias, whole],
      ]);
    });
    for (const part of batches(missing)) {
      await this.#session.write(
        (p) => `insert into ${linkName} (entry, kind, name_key, alias, whole_texts)
          values ${p.rows(part)}`,
      );
    }
  }
}

/** Whether an entry has just these names. */
function isAs(
  { dn, uid, others }: WantedNames,
  entry: Entry,
  stored: readonly OtherNameRow[],
): boolean {
  if (entry.dn !== dn || entry.uid !== uid || others.size !== stored.length) return false;
  return stored.every(
    ({ kind, name_key, alias }) => others.get(`${kind} ${name_key}`)?.alias === Number(alias),
  );
}

/** The names that entries shall have. Of two entries that claim a distinguished name, the later one has it. */
function wantedNames(
  named: readonly { readonly sourceId: string; readonly names: readonly Name[] }[],
): Map<string, WantedNames> {
  const distinguished = new Map<string, WantedNames>();
  const wanted = new Map<string, WantedNames>();
  for (const [sourceId, all] of new Map(named.map((entry) => [entry.sourceId, entry.names]))) {
    const names: WantedNames = { dn: null, uid: null, others: new Map() };
    wanted.set(sourceId, names);
    for (const [rowKey, name] of othersOf(all)) {
      const { kind, key, alias, whole } = name;
      if (kind === "dn") {
        const before = distinguished.get(key);
        if (before?.dn === key) before.dn = null;
        before?.others.delete(rowKey);
        distinguished.set(key, names);
      }
      // A column holds what is whole in its key, and is no alias.
      if (whole === null && alias === 0 && names[kind] === null) names[kind] = key;
      else names.others.set(rowKey, name);
    }
  }
  return wanted;
}

/** Names as rows have them, each once. */
function othersOf(names: readonly Name[]): ReadonlyMap<string, OtherName> {
  const rows = new Map<string, OtherName>();
  for (const { kind, key, alias } of names) {
    if (kind === "id") continue;
    const encoded = encodeKey(key);
    const whole = wholeTexts({ name_key: key });
    rows.set(`${kind} ${encoded}`, { kind, key: encoded, alias: Number(alias === true), whole });
  }
  return rows;
}

function heldBy(row: HolderRow, kind: "dn" | "uid", key: string): HeldName {
  const { state, seen } = row;
  return { kind, key, sourceId: decodeKey(row, "source_id"), state, seen };
}

function keysByKind(names: readonly Name[]): Map<"dn" | "uid", Set<string>> {
  const keys = new Map<Exclude<NameKind, "id">, Set<string>>();
  for (const { kind, key } of names) {
    if (kind !== "id") keys.set(kind, (keys.get(kind) ?? new Set()).add(key));
  }
  return keys;
}
