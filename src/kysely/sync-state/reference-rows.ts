import type { Name, NameKind } from "../../changes/index.js";
import type { Reference } from "../../repositories/index.js";
import type { TableNames } from "../column-map/table-names.js";
import { batches, lists, tuples } from "../sql/parameters.js";
import type { Session, StatementText } from "../sql/session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";
import { Entries, type Entry } from "./entries.js";
import { MembershipRows, type Pair } from "./membership-rows.js";
import { byDn, byUid, oddly } from "./membership-state.js";

/** A reference by the number of the group and a key of the name. */
interface Keyed {
  readonly reference: Reference;
  readonly group: number;
  readonly kind: NameKind;
  readonly key: string;
}

interface ReferenceRow extends KeyedRow {
  readonly kind: NameKind;
  readonly name_key: string;
  readonly group_id: string;
  readonly group_texts: string | null;
  readonly target: string | null;
  readonly target_texts: string | null;
}

interface HolderRow {
  readonly id: number | string;
  readonly name_key: string;
}

/**
 * References. One that is bound to an entry of the content by its present distinguished name, or by a user name that is
 * its alone, is part of the membership, without the name; any other is a row of its own.
 */
export class ReferenceRows {
  readonly #session: Session;
  readonly #tables: TableNames;
  readonly #memberships: MembershipRows;
  readonly #entries: Entries;

  constructor(session: Session, tables: TableNames) {
    this.#session = session;
    this.#tables = tables;
    this.#memberships = new MembershipRows(session, tables);
    this.#entries = new Entries(session, tables);
  }

  /** References of a group after the one named, by kind and key. */
  async of(
    source: string,
    group: string,
    { after, count }: { readonly after?: Name; readonly count: number },
  ): Promise<Reference[]> {
    const isOfGroup: StatementText = (p) =>
      `g.source = ${p.value(encodeKey(source))} and g.source_id = ${p.value(encodeKey(group))}`;
    const rows = await this.#session.read<ReferenceRow>((p) => {
      const parts = (["dn", "odd", "uid"] as const).map((kind) => {
        const column = kind === "odd" ? "o.name_key" : `t.${kind}`;
        const own = kind === "odd" ? "o.kind" : `'${kind}'`;
        const of = isOfGroup(p);
        const later =
          after === undefined
            ? ""
            : ` and (${own} > ${p.value(after.kind)}
                or ${own} = ${p.value(after.kind)} and ${column} > ${p.value(encodeKey(after.key))})`;
        return `${this.#select(kind, "g")} and ${of}${later}`;
      });
      return `select * from (${parts.join(" union all ")}) found
        order by kind, name_key limit ${p.value(count)}`;
    });
    return rows.map(decodeReference);
  }

  /** References of any group by one of these names. */
  async by(source: string, names: readonly Name[]): Promise<Reference[]> {
    const found: Reference[] = [];
    for (const [kind, sameKind] of Map.groupBy(names, (name) => name.kind)) {
      for (const part of lists([...new Set(sameKind.map((name) => encodeKey(name.key)))])) {
        if (kind !== "id") {
          found.push(
            ...(await this.#read(
              (p) => `${this.#select(kind, "t")} and t.${kind} in ${p.list(part)}
                and t.source = ${p.value(encodeKey(source))} and g.source = t.source`,
            )),
          );
        }
        found.push(
          ...(await this.#read(
            (p) => `${this.#select("odd", "o")} and o.name_key in ${p.list(part)}
              and o.kind = ${p.value(kind)} and g.source = ${p.value(encodeKey(source))}`,
          )),
        );
      }
    }
    return found;
  }

  /** References of any group that are bound to these entries. */
  async to(source: string, targets: readonly string[]): Promise<Reference[]> {
    const found: Reference[] = [];
    for (const part of lists([...new Set(targets)])) {
      for (const kind of ["dn", "uid", "odd"] as const) {
        found.push(
          ...(await this.#read(
            (p) => `${this.#select(kind, "t")} and t.source = ${p.value(encodeKey(source))}
              and t.source_id in ${p.list(part.map(encodeKey))}`,
          )),
        );
      }
    }
    return found;
  }

  /** Stores references, or whom they are bound to. */
  async save(source: string, references: readonly Reference[]): Promise<void> {
    const ids = references.flatMap(({ group, target }) =>
      target === undefined ? [group] : [group, target],
    );
    const entries = await this.#entries.findOrCreate(source, ids);
    const latest = keyed(references, entries);
    await this.#forget(source, latest);
    const shared = await this.#sharedUserNames(source, latest);
    const rows = new Map<string, [...Pair, number]>();
    const odd: unknown[][] = [];
    for (const { reference, group, kind, key } of latest) {
      const { target } = reference;
      const entry = target === undefined ? undefined : entries.get(target);
      const bit = entry === undefined ? 0 : regularBit(entry, kind, key, shared);
      if (bit === 0) {
        const whole = wholeTexts({ name_key: reference.key });
        odd.push([group, kind, key, entry?.id ?? null, whole]);
      }
      if (entry === undefined) continue;
      const pair = `${group} ${entry.id}`;
      const before = rows.get(pair)?.[2] ?? 0;
      rows.set(pair, [group, entry.id, before | (bit === 0 ? oddly : bit)]);
    }
    const onConflict = this.#session.dialect.onConflict(["grp", "kind", "name_key"], ["target"]);
    for (const part of batches(odd)) {
      await this.#session.write(
        (p) => `insert into ${this.#tables.reference} (grp, kind, name_key, target, whole_texts)
          values ${p.rows(part)} ${onConflict}`,
      );
    }
    await this.#memberships.add([...rows.values()]);
  }

  /** Forgets references, whatever they are bound to. */
  async remove(source: string, references: readonly Reference[]): Promise<void> {
    const groups = references.map(({ group }) => group);
    const entries = await this.#entries.find(source, groups);
    await this.#forget(source, keyed(references, entries));
  }

  /** The pages of all references of an entry of a group, in the order in which they are stored. */
  async *all(group: number): AsyncGenerator<readonly Reference[]> {
    for (const kind of ["dn", "uid"] as const) {
      for (let after = 0; ; ) {
        const rows = await this.#session.read<ReferenceRow & { readonly at: number | string }>(
          (p) => `${this.#select(kind, "m", "m.member as at")} and m.grp = ${p.value(group)}
            and m.member > ${p.value(after)} order by m.member limit ${pageLength}`,
        );
        yield rows.map(decodeReference);
        if (rows.length < pageLength) break;
        after = Number(rows.at(-1)?.at);
      }
    }
    for (let last: ReferenceRow | undefined; ; ) {
      const after = last;
      const rows = await this.#session.read<ReferenceRow>((p) => {
        const of = `o.grp = ${p.value(group)}`;
        const later =
          after === undefined
            ? ""
            : ` and (o.kind > ${p.value(after.kind)}
                or o.kind = ${p.value(after.kind)} and o.name_key > ${p.value(after.name_key)})`;
        return `${this.#select("odd", "o")} and ${of}${later}
          order by o.kind, o.name_key limit ${pageLength}`;
      });
      yield rows.map(decodeReference);
      if (rows.length < pageLength) return;
      last = rows.at(-1);
    }
  }

  /** The references in rows of their own by names of these entries, or bound to them. */
  async oddAbout(source: string, sourceIds: readonly string[]): Promise<Reference[]> {
    const { reference, link, linkName } = this.#tables;
    const any = await this.#session.read(() => `select 1 from ${reference} limit 1`);
    if (any.length === 0) return [];
    const found: Reference[] = [];
    const names = [
      "o.name_key = e.dn and o.kind = 'dn'",
      "o.name_key = e.uid and o.kind = 'uid'",
      "o.name_key = e.source_id and o.kind = 'id'",
      "o.target = e.id",
    ];
    for (const part of lists(sourceIds.map(encodeKey))) {
      for (const name of names) {
        found.push(
          ...(await this.#read(
            (p) => `${this.#selectOdd(`${link} e cross join ${reference} o`)} and ${name}
              and e.source = ${p.value(encodeKey(source))} and e.source_id in ${p.list(part)}
              and g.source = e.source`,
          )),
        );
      }
      found.push(
        ...(await this.#read(
          (p) => `${this.#selectOdd(`${link} e cross join ${linkName} n cross join ${reference} o`)}
            and n.entry = e.id and o.name_key = n.name_key and o.kind = n.kind
            and e.source = ${p.value(encodeKey(source))} and e.source_id in ${p.list(part)}
            and g.source = e.source`,
        )),
      );
    }
    return found;
  }

  async #read(text: StatementText): Promise<Reference[]> {
    return (await this.#session.read<ReferenceRow>(text)).map(decodeReference);
  }

  /**
   * The beginning of a question for references that are in the content by the name of this kind, or in rows of their
   * own. Of a cross join, SQLite begins with the left side, which is the one named: groups, targets, memberships or the
   * rows.
   */
  #select(kind: "dn" | "uid" | "odd", first: "g" | "t" | "m" | "o", also?: string): string {
    const { link, membership, reference } = this.#tables;
    if (kind === "odd") {
      return {
        g: this.#selectOdd(`${link} g cross join ${reference} o`, false),
        t: `${oddColumns} from ${link} t cross join ${reference} o cross join ${link} g
          where o.target = t.id and g.id = o.grp`,
        m: "",
        o: this.#selectOdd(`${reference} o`),
      }[first];
    }
    const tables = {
      g: `${link} g cross join ${membership} m cross join ${link} t`,
      t: `${link} t cross join ${membership} m cross join ${link} g`,
      m: `${membership} m cross join ${link} t cross join ${link} g`,
      o: "",
    }[first];
    return `select '${kind}' as kind, t.${kind} as name_key, null as whole_texts, g.source_id as group_id,
      g.whole_texts as group_texts, t.source_id as target, t.whole_texts as target_texts
      ${also === undefined ? "" : `, ${also}`} from ${tables}
      where m.grp = g.id and m.member = t.id and m.state & ${kind === "dn" ? byDn : byUid} <> 0`;
  }

  #selectOdd(from: string, joinsGroup = true): string {
    const { link } = this.#tables;
    const group = joinsGroup ? ` cross join ${link} g` : "";
    return `${oddColumns} from ${from}${group} left join ${link} t on t.id = o.target
      where o.grp = g.id`;
  }

  /** Removes references from both tables. */
  async #forget(source: string, references: readonly Keyed[]): Promise<void> {
    const { reference, link, membership } = this.#tables;
    const unbound: Pair[] = [];
    for (const part of tuples(this.#session.dialect, references)) {
      const keys = part.map(({ group, kind, key }) => [group, kind, key]);
      const bound = await this.#session.read<{ grp: number | string; target: number | string }>(
        (p) => `select grp, target from ${reference}
          where target is not null and ${p.among(["grp", "kind", "name_key"], keys)}`,
      );
      unbound.push(...bound.map(({ grp, target }) => [Number(grp), Number(target)] as const));
      await this.#session.write(
        (p) => `delete from ${reference} where ${p.among(["grp", "kind", "name_key"], keys)}`,
      );
    }
    await this.#memberships.recount(unbound);
    for (const kind of ["dn", "uid"] as const) {
      const bit = kind === "dn" ? byDn : byUid;
      const some = references.filter((each) => each.kind === kind);
      const groups = Map.groupBy(some, ({ key }) => key);
      const regular: Pair[] = [];
      for (const part of lists([...groups.keys()])) {
        const rows = await this.#session.read<HolderRow & { readonly grp: number | string }>(
          (
            p,
          ) => `select l.id, l.${kind} as name_key, m.grp from ${link} l cross join ${membership} m
            where l.${kind} in ${p.list(part)} and l.source = ${p.value(encodeKey(source))}
            and m.member = l.id and m.state & ${bit} <> 0`,
        );
        for (const { id, name_key, grp } of rows) {
          const isMeant = groups.get(name_key)?.some(({ group }) => group === Number(grp));
          if (isMeant === true) regular.push([Number(grp), Number(id)]);
        }
      }
      await this.#memberships.clear(regular, bit);
    }
  }

  /** The user names that not just one entry has. */
  async #sharedUserNames(
    source: string,
    references: readonly Keyed[],
  ): Promise<ReadonlySet<string>> {
    const keys = new Set(references.flatMap(({ kind, key }) => (kind === "uid" ? key : [])));
    const shared = new Set<string>();
    for (const part of lists([...keys])) {
      const rows = await this.#session.read<Pick<HolderRow, "name_key">>(
        (p) => `select uid as name_key from ${this.#tables.link}
          where uid in ${p.list(part)} and source = ${p.value(encodeKey(source))}
          group by uid having count(*) > 1`,
      );
      for (const { name_key } of rows) shared.add(name_key);
    }
    return shared;
  }
}

/** How many references are read at once. */
const pageLength = 5_000;

const oddColumns = `select o.kind, o.name_key, o.whole_texts, g.source_id as group_id,
  g.whole_texts as group_texts, t.source_id as target, t.whole_texts as target_texts`;

/** References whose groups are known, each once; of two with one key the last is meant. */
function keyed(
  references: readonly Reference[],
  entries: ReadonlyMap<string, Entry>,
): readonly Keyed[] {
  const latest = new Map<string, Keyed>();
  for (const reference of references) {
    const group = entries.get(reference.group)?.id;
    if (group === undefined) continue;
    const { kind } = reference;
    const key = encodeKey(reference.key);
    latest.set(`${group} ${kind} ${key}`, { reference, group, kind, key });
  }
  return [...latest.values()];
}

/** The bit of a reference that its entry has by its present name, or 0. */
function regularBit(
  { state, dn, uid }: Entry,
  kind: NameKind,
  key: string,
  shared: ReadonlySet<string>,
): number {
  if (state !== "live" && state !== "entering") return 0;
  if (kind === "dn") return dn === key ? byDn : 0;
  return kind === "uid" && uid === key && !shared.has(key) ? byUid : 0;
}

function decodeReference(row: ReferenceRow): Reference {
  const { kind, target } = row;
  const group = { source_id: row.group_id, whole_texts: row.group_texts };
  return {
    group: decodeKey(group, "source_id"),
    kind,
    key: decodeKey(row, "name_key"),
    ...(target === null
      ? {}
      : { target: decodeKey({ source_id: target, whole_texts: row.target_texts }, "source_id") }),
  };
}
