import type { KyselyDatabase } from "concordat/kysely";
import { type CompiledQuery, type Kysely, type QueryExecutor, sql } from "kysely";
import type { DatabaseKind } from "./databases.js";

/** The columns of the package's tables and what indexes they have, as the database has them. */
export async function formOf(kind: DatabaseKind, db: Kysely<unknown>): Promise<readonly string[]> {
  const question =
    kind.name === "SQLite"
      ? sql<{ text: string }>`
          select m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk as text
          from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'
          union all
          select tbl_name || ' ' || name || ' ' || coalesce(sql, '') from sqlite_master where type = 'index'`
      : kind.name === "MariaDB"
        ? sql<{ text: string }>`
            select concat_ws(' ', table_name, column_name, column_type, is_nullable, collation_name) as text
            from information_schema.columns where table_schema = database()
            union all
            select concat_ws(' ', table_name, index_name, seq_in_index, column_name, non_unique)
            from information_schema.statistics where table_schema = database()`
        : sql<{ text: string }>`
            select concat_ws(' ', table_name, column_name, data_type, is_nullable, collation_name) as text
            from information_schema.columns where table_schema = current_schema()
            union all
            select concat_ws(' ', tablename, case when indexname like '%_pkey' then '' else indexname end,
              substring(indexdef from ' USING .*'))
            from pg_indexes where schemaname = current_schema()`;
  const { rows } = await question.execute(db);
  return rows
    .map(({ text }) => text)
    .filter((text) => text.startsWith("concordat_"))
    .sort();
}

/** The database as a process has it that is killed when it has run so many statements. */
export function killedAfter(last: number, db: KyselyDatabase): KyselyDatabase {
  let count = 0;
  const executor = (real: QueryExecutor): QueryExecutor =>
    new Proxy(real, {
      get(wrapped, name): unknown {
        if (name === "withoutPlugins") return () => executor(wrapped.withoutPlugins());
        if (name === "executeQuery") {
          return async (query: CompiledQuery) => {
            if (count === last) throw new Error("killed");
            count += 1;
            return await wrapped.executeQuery(query);
          };
        }
        const value: unknown = Reflect.get(wrapped, name, wrapped);
        return typeof value === "function" ? value.bind(wrapped) : value;
      },
    });
  type Start = ReturnType<KyselyDatabase["transaction"]>;
  const start = (real: Start): Start => ({
    setIsolationLevel: (level) => start(real.setIsolationLevel(level)),
    execute: (work) => real.execute((transaction) => work(dying(transaction))),
  });
  const dying = (real: KyselyDatabase): KyselyDatabase => ({
    isTransaction: real.isTransaction,
    getExecutor: () => executor(real.getExecutor()),
    transaction: () => start(real.transaction()),
  });
  return dying(db);
}
