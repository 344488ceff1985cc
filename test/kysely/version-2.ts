import { readFileSync } from "node:fs";
import { createTables } from "concordat/kysely";
import { type Kysely, sql } from "kysely";
import type { DatabaseKind } from "./databases.js";
import { type Asked, type Stored, sorted } from "./everything-stored.js";

/**
 * What the release whose tables of synchronisation had the version 2 made and wrote: its definitions on each database,
 * rows of three sources with everything that can be in them, and what its stores told of these.
 */
interface Made {
  readonly definitions: Readonly<Record<string, readonly string[]>>;
  readonly rows: Readonly<Record<string, readonly Readonly<Record<string, string | number>>[]>>;
  readonly asked: Asked;
  readonly stored: Readonly<Record<string, Stored>>;
}

const made: Made = JSON.parse(
  readFileSync(new URL("./upgrades/version-2.json", import.meta.url), "utf8"),
);

/** What was asked of the stores. */
export const asked: Asked = made.asked;

/** What they told, by source, in the words of this release: a link was `unsettled` that is `dirty` now. */
export const stored: Readonly<Record<string, Stored>> = Object.fromEntries(
  Object.entries(made.stored).map(([source, told]) => [source, renamed(told)]),
);

function renamed(told: Stored): Stored {
  const text = JSON.stringify(told.links).replaceAll('"unsettled":', '"dirty":');
  return { ...told, links: sorted(JSON.parse(text)) };
}

/** The statements by which that release makes its tables. */
export function definitionsOn({ name }: Pick<DatabaseKind, "name">): readonly string[] {
  return made.definitions[name === "PGlite" ? "PostgreSQL" : name] ?? [];
}

/** Makes the tables of that release, with its rows in them. */
export async function fill(kind: DatabaseKind, db: Kysely<unknown>): Promise<void> {
  for (const definition of definitionsOn(kind)) await sql.raw(definition).execute(db);
  for (const [table, rows] of Object.entries(made.rows)) {
    for (const row of rows) {
      const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
      const values = sql.join(Object.values(row));
      await sql`insert into ${sql.table(table)} (${columns}) values (${values})`.execute(db);
    }
  }
}

/**
 * Brings what is stored in SQLite back into tables of version 2, as that release would have it, and from there forward
 * again.
 */
export async function throughVersion2(db: Kysely<unknown>): Promise<void> {
  const definitions = definitionsOn({ name: "SQLite" }).filter((text) => /sync_/.test(text));
  for (const text of [...definitions, ...backwards]) await sql.raw(text).execute(db);
  await createTables(db);
}

const links =
  "source, source_id, type, state, resource_id, name, adopted, stamp, gone_stamp, digest, seen, disabled_by_us, " +
  "intent_name, intent_key, unsettled, failure, resource_mark, valued, whole_texts";
const positions = "stream, checkpoint, generation, epoch, revision, mapping, taken, unconfirmed";

/** Names in it are short, so that they are whole in their keys. */
const backwards = [
  `insert into concordat_sync_link (${links}) select ${links} from concordat_sync_entry where state <> 'none'`,
  ...["dn", "uid"].map(
    (kind) => `insert into concordat_sync_name (source, kind, name_key, source_id, alias)
      select source, '${kind}', ${kind}, source_id, 0 from concordat_sync_entry
      where ${kind} is not null and state <> 'none'`,
  ),
  `insert into concordat_sync_name (source, kind, name_key, source_id, alias)
    select e.source, n.kind, n.name_key, e.source_id, n.alias
    from concordat_sync_entry_name n join concordat_sync_entry e on e.id = n.entry where e.state <> 'none'`,
  ...["dn", "uid"].map(
    (kind, bit) => `insert into concordat_sync_reference (source, group_id, kind, name_key, target)
      select g.source, g.source_id, '${kind}', t.${kind}, t.source_id from concordat_sync_membership m
      join concordat_sync_entry g on g.id = m.grp join concordat_sync_entry t on t.id = m.member
      where m.state & ${bit + 1} <> 0`,
  ),
  `insert into concordat_sync_reference (source, group_id, kind, name_key, target)
    select g.source, g.source_id, o.kind, o.name_key, t.source_id from concordat_sync_odd_reference o
    join concordat_sync_entry g on g.id = o.grp left join concordat_sync_entry t on t.id = o.target`,
  `insert into concordat_sync_grant (source, group_id, member_id, ours, held)
    select g.source, g.resource_id, t.type || 's/' || t.resource_id, m.state & 16 <> 0, m.state & 8 <> 0
    from concordat_sync_membership m
    join concordat_sync_entry g on g.id = m.grp join concordat_sync_entry t on t.id = m.member
    where m.state & 56 <> 0`,
  `insert into concordat_sync_grant (source, group_id, member_id, ours, held)
    select source, group_id, member_id, ours, held from concordat_sync_loose_grant`,
  `insert into concordat_sync_position (${positions}) select ${positions} from concordat_sync_stream`,
  ...["entry", "entry_name", "membership", "odd_reference", "loose_grant", "stream"].map(
    (table) => `drop table concordat_sync_${table}`,
  ),
  "update concordat_set_version set version = 2 where name = 'sync'",
];
