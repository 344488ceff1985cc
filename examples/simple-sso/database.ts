import { createTables, nodeSqliteDialect } from "concordat/kysely";
import { Kysely } from "kysely";

/** The tables of a site's own. Beside them are those of `createTables`: users, links, consumers, tokens and nonces. */
export interface Tables {
  session: {
    /** The SHA-256 of what the browser has: whoever reads the table gets into no session. */
    id: string;
    user_id: string;
    /** What the sign-on server calls the session, here and there. */
    name: string;
    expires_at: string;
  };
  password: {
    /** In lower case. */
    user_name: string;
    user_id: string;
    salt: string;
    hash: string;
  };
}

/** Opens the database of a site, and makes it if it is not there. */
export async function openDatabase(path: string): Promise<Kysely<Tables>> {
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect({ path }) });
  await createTables(db);
  await db.schema
    .createTable("session")
    .ifNotExists()
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("expires_at", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("password")
    .ifNotExists()
    .addColumn("user_name", "text", (column) => column.primaryKey())
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("salt", "text", (column) => column.notNull())
    .addColumn("hash", "text", (column) => column.notNull())
    .execute();
  return db;
}
