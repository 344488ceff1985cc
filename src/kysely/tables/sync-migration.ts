import { quotedTableNames, type TableNames, type TableOptions } from "../column-map/table-names.js";
import { batches } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";
import { decodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";
import { unlinked } from "../sync-state/entries.js";
import { begun, byDn, byUid, held, oddly, ours } from "../sync-state/membership-state.js";
import { definitions } from "./definitions.js";

/** The tables of synchronisation as version 2 named them. */
export const secondSyncTables = {
  link: "sync_link",
  linkName: "sync_name",
  reference: "sync_reference",
  grant: "sync_grant",
  checkpoint: "sync_position",
} as const;

/** How they are called while they are copied. */
export const movedSyncTables = {
  link: "sync_link_2",
  linkName: "sync_name_2",
  reference: "sync_reference_2",
  grant: "sync_grant_2",
  checkpoint: "sync_position_2",
} as const;

type Moved = Readonly<Record<keyof typeof movedSyncTables, string>>;

/**
 * Version 3: links have numbers and hold their names, and a membership is one row of numbers for what is stated and
 * what was granted.
 *
 * The tables of before get other names first, all at once, so that a runner of the release before fails at its next
 * statement. Then they are copied, and every row that was copied already is skipped or written once more as it was,
 * so that this may be interrupted after any statement. What was copied is removed only once the new version is stored:
 * see {@link removeMoved}.
 */
export async function mergeMemberships(session: Session, options: TableOptions): Promise<void> {
  const { dialect } = session;
  const { prefix = "concordat_" } = options;
  const tables = Object.keys(secondSyncTables) as (keyof Moved)[];
  const has = async (name: string) =>
    (await session.read(() => dialect.tableQuestion(`${prefix}${name}`))).length > 0;
  if (!(await has(movedSyncTables.link))) {
    if (!(await has(secondSyncTables.link))) return;
    const renamed = tables.map((table): [string, string] => [
      dialect.quote(`${prefix}${secondSyncTables[table]}`),
      dialect.quote(`${prefix}${movedSyncTables[table]}`),
    ]);
    for (const text of dialect.renameTables(renamed)) await session.write(() => text);
  }
  if (dialect.definitionsCommit) {
    // The release before would make its tables again when it is started, before it sees that they are not for it.
    for (const table of tables) {
      const name = dialect.quote(`${prefix}${secondSyncTables[table]}`);
      const column = `moved_to_${prefix}${movedSyncTables[table]}`;
      await session.write(
        () => `create table if not exists ${name} (${column} ${dialect.types.integer})`,
      );
    }
  }
  const names = quotedTableNames(dialect, options);
  for (const text of definitions(names, dialect).sync) await session.write(() => text);
  const moved = Object.fromEntries(
    tables.map((table) => [table, dialect.quote(`${prefix}${movedSyncTables[table]}`)]),
  ) as Moved;
  await new Copy(session, names, moved).run();
}

/** Removes what was copied, once the new version is stored. */
export async function removeMoved(session: Session, options: TableOptions): Promise<void> {
  const { prefix = "concordat_" } = options;
  for (const name of Object.values(movedSyncTables)) {
    const table = session.dialect.quote(`${prefix}${name}`);
    await session.write(() => `drop table if exists ${table}`);
  }
}

/** The columns that links and positions have before and after. */
const linkColumns = [
  ...[
    "source",
    "source_id",
    "type",
    "state",
    "resource_id",
    "name",
    "adopted",
    "stamp",
    "gone_stamp",
  ],
  ...["digest", "seen", "disabled_by_us", "intent_name", "intent_key", "unsettled", "failure"],
  ...["resource_mark", "valued", "whole_texts"],
].join(", ");
const positionColumns =
  "stream, checkpoint, generation, epoch, revision, mapping, taken, unconfirmed";

class Copy {
  readonly #session: Session;
  readonly #names: TableNames;
  readonly #moved: Moved;

  constructor(session: Session, names: TableNames, moved: Moved) {
    this.#session = session;
    this.#names = names;
    this.#moved = moved;
  }

  async run(): Promise<void> {
    await this.#links();
    await this.#otherNames();
    await this.#references();
    await this.#grants();
    await this.#write(
      `insert into ${this.#names.checkpoint} (${positionColumns})
        select ${positionColumns} from ${this.#moved.checkpoint} where 1 = 1
        ${this.#orPassOver(["stream"], this.#names.checkpoint)}`,
    );
  }

  async #links(): Promise<void> {
    const { link, linkName, reference } = this.#moved;
    // A name that is whole in its key goes into the column of its kind, if it is the first of them and no alias.
    const name = (kind: string) => `(select min(n.name_key) from ${linkName} n
      where n.source_id = l.source_id and n.source = l.source and n.kind = '${kind}'
      and n.alias = 0 and n.whole_texts is null)`;
    await this.#write(
      `insert into ${this.#names.link} (${linkColumns}, dn, uid)
        select ${linkColumns}, ${name("dn")}, ${name("uid")} from ${link} l where 1 = 1
        ${this.#orPassOver(["source", "source_id"], this.#names.link)}`,
    );
    await this.#unlinked(linkName, "source_id");
    await this.#unlinked(reference, "group_id");
    await this.#unlinked(reference, "target");
  }

  /** Entries that have no link, but are named or referred to. */
  async #unlinked(table: string, column: string): Promise<void> {
    const rows = await this.#session.read<
      KeyedRow & { readonly source: string; readonly id: string }
    >(
      () => `select distinct r.source, r.${column} as id, r.whole_texts from ${table} r
        where r.${column} is not null and not exists (select 1 from ${this.#names.link} l
          where l.source = r.source and l.source_id = r.${column})`,
    );
    const entries = new Map(
      rows.map(({ source, id, whole_texts }) => {
        const sourceId = decodeKey(
          { [column]: id, whole_texts } as KeyedRow & Record<string, string>,
          column,
        );
        const whole = wholeTexts({ source_id: sourceId });
        return [`${source} ${id}`, [source, id, "User", unlinked, 0, 0, 0, 0, whole]];
      }),
    );
    for (const part of batches([...entries.values()])) {
      await this.#session.write(
        (p) => `insert into ${this.#names.link}
          (source, source_id, type, state, adopted, seen, disabled_by_us, unsettled, whole_texts)
          values ${p.rows(part)}`,
      );
    }
  }

  async #otherNames(): Promise<void> {
    const { link, linkName } = this.#names;
    await this.#write(
      `insert into ${linkName} (entry, kind, name_key, alias, whole_texts)
        select l.id, n.kind, n.name_key, n.alias, n.whole_texts
        from ${this.#moved.linkName} n join ${link} l on l.source = n.source and l.source_id = n.source_id
        where n.alias = 1 or not (n.kind = 'dn' and l.dn is not null and l.dn = n.name_key
          or n.kind = 'uid' and l.uid is not null and l.uid = n.name_key)
        ${this.#orPassOver(["name_key", "kind", "entry"], linkName)}`,
    );
  }

  async #references(): Promise<void> {
    const { link, reference } = this.#names;
    const bound = `from ${this.#moved.reference} r
      join ${link} g on g.source = r.source and g.source_id = r.group_id
      left join ${link} t on t.source = r.source and t.source_id = r.target`;
    const byName = (kind: "dn" | "uid") => `r.kind = '${kind}' and t.${kind} is not null
      and t.${kind} = r.name_key and t.state in ('live', 'entering')`;
    const alone = `not exists (select 1 from ${link} s
      where s.uid = t.uid and s.source = t.source and s.id <> t.id)`;
    const regular = { dn: byName("dn"), uid: `${byName("uid")} and ${alone}` };
    await this.#add(
      `select g.id as g_id, t.id as m_id, ${byDn} as bits ${bound} where ${regular.dn}`,
    );
    await this.#add(
      `select g.id as g_id, t.id as m_id, ${byUid} as bits ${bound} where ${regular.uid}`,
    );
    const isOdd = `(t.id is null or not (${regular.dn}) and not (${regular.uid}))`;
    const odd = `case when ${isOdd} then 1 else 0 end = 1`;
    await this.#write(
      `insert into ${reference} (grp, kind, name_key, target, whole_texts)
        select g.id, r.kind, r.name_key, t.id, r.whole_texts ${bound} where ${odd}
        ${this.#orPassOver(["grp", "kind", "name_key"], reference)}`,
    );
    await this.#add(
      `select distinct grp as g_id, target as m_id, ${oddly} as bits from ${reference} where target is not null`,
    );
  }

  /** A grant of resources that entries stand for becomes part of the membership; every other one stays as it is. */
  async #grants(): Promise<void> {
    const { link, grant } = this.#names;
    const moved = this.#moved.grant;
    const first = (side: string) => `not exists (select 1 from ${link} s where s.type = ${side}.type
      and s.resource_id = ${side}.resource_id and s.source = ${side}.source and s.id < ${side}.id)`;
    for (const type of ["User", "Group"] as const) {
      const prefix = `${type}s/`;
      await this.#add(
        `select g.id as g_id, m.id as m_id, case when gr.held = 1 then ${held} else 0 end
          | case when gr.ours = 1 then ${ours} else 0 end
          | case when gr.held = 0 and gr.ours = 0 then ${begun} else 0 end as bits
          from ${moved} gr
          join ${link} g on g.resource_id = gr.group_id and g.type = 'Group' and g.source = gr.source
          join ${link} m on m.resource_id = substr(gr.member_id, ${prefix.length + 1})
            and m.type = '${type}' and m.source = gr.source
          where substr(gr.member_id, 1, ${prefix.length}) = '${prefix}' and ${first("g")} and ${first("m")}`,
      );
    }
    await this.#write(
      `insert into ${grant} (group_id, member_id, source, ours, held, whole_texts)
        select gr.group_id, gr.member_id, gr.source, gr.ours, gr.held, gr.whole_texts from ${moved} gr
        where not (exists (select 1 from ${link} g
            where g.resource_id = gr.group_id and g.type = 'Group' and g.source = gr.source)
          and (substr(gr.member_id, 1, 6) = 'Users/' and exists (select 1 from ${link} m
              where m.resource_id = substr(gr.member_id, 7) and m.type = 'User' and m.source = gr.source)
            or substr(gr.member_id, 1, 7) = 'Groups/' and exists (select 1 from ${link} m
              where m.resource_id = substr(gr.member_id, 8) and m.type = 'Group' and m.source = gr.source)))
        ${this.#orPassOver(["group_id", "member_id", "source"], grant)}`,
    );
  }

  /** Adds bits to memberships, which a repetition adds once more to no effect. */
  async #add(rows: string): Promise<void> {
    const { membership } = this.#names;
    const onConflict = this.#session.dialect.onConflictSet(
      ["grp", "member"],
      membership,
      "state",
      (stored, given) => `${stored} | ${given}`,
    );
    await this.#write(
      `insert into ${membership} (grp, member, state)
        select g_id, m_id, bits from (${rows}) added where 1 = 1 ${onConflict}`,
    );
  }

  /** The end of an insert of rows that were selected: it skips those that exist. */
  #orPassOver(key: readonly string[], table: string): string {
    const [column = ""] = key;
    const { dialect } = this.#session;
    // Elsewhere, MariaDB would not know which of both tables the column is of.
    return dialect.definitionsCommit
      ? dialect.onConflictSet(key, table, column, (stored) => stored)
      : dialect.onConflict(key, []);
  }

  async #write(text: string): Promise<void> {
    await this.#session.write(() => text);
  }
}
