import { type TableNames, type TableOptions, tableNames } from "../column-map/table-names.js";
import { fillKeysWithin, type KeyClash } from "../resources/key-filling.js";
import { ownResourceTables } from "../resources/own-tables.js";
import type { Session } from "../sql/session.js";
import type { TableSet } from "./definitions.js";
import { mergeMemberships, movedSyncTables, secondSyncTables } from "./sync-migration.js";

/**
 * Brings the tables of a set from one version to the next. It may have been interrupted after any of its statements: on
 * MariaDB, which commits with each definition, what was done stays, so that each statement is made only where it is
 * still to be made.
 */
type Migration = (
  session: Session,
  options: TableOptions,
  report: (clash: NameClash) => void,
) => Promise<void>;

/**
 * A resource of the package's own tables whose name is that of another one, by the form in which names are compared
 * now.
 */
export interface NameClash extends KeyClash {
  /** What both resources are. */
  readonly type: "User" | "Group";
}

/** By set, the migrations from version 1 on. */
export const migrations: Readonly<Partial<Record<TableSet, readonly Migration[]>>> = {
  sync: [nameRunners, mergeMemberships],
  identity: [markIdentities],
  resources: [foldNames],
};

/** The tables of synchronisation as version 1 named them, and their indexes, in the order of the present names. */
const formerSyncTables = {
  link: ["link", "resource", "intent", "unsettled", "failed"],
  linkName: ["link_name", "holder"],
  reference: ["reference", "name", "target"],
  grant: ["grant", "member"],
  checkpoint: ["checkpoint"],
} as const satisfies Partial<Record<keyof TableNames, readonly string[]>>;

type SyncTable = keyof typeof formerSyncTables;

/** The tables of synchronisation as version 2 named them. */
function namesOfSecond(options: TableOptions): Readonly<Record<SyncTable, string>> {
  const { prefix = "concordat_" } = options;
  const named = Object.entries(secondSyncTables).map(([table, name]) => [
    table,
    `${prefix}${name}`,
  ]);
  return Object.fromEntries(named) as Record<SyncTable, string>;
}

/**
 * Version 2: the tables get other names, so that a runner of the release before, which does not know epochs, fails at
 * its next statement instead of writing beside a later one.
 */
async function nameRunners(session: Session, options: TableOptions): Promise<void> {
  const { dialect } = session;
  const names = namesOfSecond(options);
  const tables = Object.keys(formerSyncTables) as SyncTable[];
  const { prefix = "concordat_" } = options;
  // Where the next step has begun, this one was done.
  if (await has(session, dialect.tableQuestion(`${prefix}${movedSyncTables.link}`))) return;
  const former = (table: SyncTable) => `${prefix}${formerSyncTables[table][0]}`;
  const renamed: [string, string][] = [];
  for (const table of tables) {
    if (await has(session, dialect.tableQuestion(names[table]))) continue;
    if (await has(session, dialect.tableQuestion(former(table)))) {
      renamed.push([dialect.quote(former(table)), dialect.quote(names[table])]);
    }
  }
  if (renamed.length > 0) {
    for (const text of dialect.renameTables(renamed)) await session.write(() => text);
  }
  for (const table of tables) {
    if (!(await has(session, dialect.tableQuestion(names[table])))) continue;
    for (const index of formerSyncTables[table].slice(1)) {
      const name = dialect.quote(`${former(table)}_${index}`);
      await session.write(() => dialect.dropIndex(dialect.quote(names[table]), name));
    }
  }
  const { flag, integer, text } = dialect.types;
  if (dialect.definitionsCommit) {
    // The release before would make its tables again when it is started, before it sees that they are not for it, and
    // others of it that still run would go on with them.
    for (const table of tables) {
      const columns = `(moved_to_${names[table]} ${integer})`;
      await session.write(
        () => `create table if not exists ${dialect.quote(former(table))} ${columns}`,
      );
    }
  }
  await addColumns(session, names.link, { resource_mark: text, valued: text });
  await addColumns(session, names.linkName, { alias: `${flag} not null default 0` });
  await addColumns(session, names.checkpoint, {
    epoch: `${integer} not null default 0`,
    mapping: text,
    taken: text,
    unconfirmed: text,
  });
}

/** Version 2: what distinguishes resources whose ids are used again. */
async function markIdentities(session: Session, options: TableOptions): Promise<void> {
  await addColumns(session, tableNames(options).identity, { mark: session.dialect.types.text });
}

/**
 * Version 2: names are compared in a form in which a final sigma is a sigma, and letters that are composed are composed
 * in lower case too. Of two that are one name now, the second keeps the key that it has, and is reported.
 */
async function foldNames(
  session: Session,
  options: TableOptions,
  report: (clash: NameClash) => void,
): Promise<void> {
  for (const table of ownResourceTables(session, options)) {
    // It may have been dropped.
    if (!(await has(session, session.dialect.tableQuestion(table.parts.map.table)))) continue;
    const { clashes } = await fillKeysWithin(table);
    for (const clash of clashes) report({ type: table.parts.rows.type, ...clash });
  }
}

async function addColumns(
  session: Session,
  table: string,
  columns: Readonly<Record<string, string>>,
): Promise<void> {
  const { dialect } = session;
  if (!(await has(session, dialect.tableQuestion(table)))) return;
  for (const [column, type] of Object.entries(columns)) {
    if (await has(session, dialect.columnQuestion(table, column))) continue;
    await session.write(() => `alter table ${dialect.quote(table)} add column ${column} ${type}`);
  }
}

async function has(session: Session, question: string): Promise<boolean> {
  return (await session.read(() => question)).length > 0;
}

/** The names of tables that earlier releases made and this one does not know. */
export function formerTableNames({ prefix = "concordat_" }: TableOptions): readonly string[] {
  const first = Object.values(formerSyncTables).map(([table]) => table);
  const later = [...Object.values(secondSyncTables), ...Object.values(movedSyncTables)];
  return [...first, ...later].map((table) => `${prefix}${table}`);
}
