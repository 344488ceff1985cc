import { nodeSqliteDialect } from "concordat/kysely";
import { type Dialect, Kysely, MysqlDialect, PostgresDialect, sql } from "kysely";

/** The tables of the application, as its own code uses them. */
export interface Tables {
  person: {
    id: number;
    login: string;
    first_name: string | null;
    last_name: string | null;
    email: string | null;
    disabled: 0 | 1;
    created_at: string;
  };
  team: { id: number; title: string };
  team_member: { team_id: number; person_id: number };
  session: { id: string; person_id: number; expires_at: string };
}

export type Database = Kysely<Tables>;

/**
 * The database that a URL names: `postgres://…`, `mysql://…` for MariaDB, or else a file of SQLite. Nothing is sent to
 * it yet.
 */
export async function openDatabase(url: string): Promise<Database> {
  return new Kysely<Tables>({ dialect: await dialectOf(kindOf(url), url) });
}

type Kind = "sqlite" | "postgres" | "mariadb";

function kindOf(url: string): Kind {
  if (/^postgres(?:ql)?:/.test(url)) return "postgres";
  if (/^(?:mysql|mariadb):/.test(url)) return "mariadb";
  return "sqlite";
}

async function dialectOf(kind: Kind, url: string): Promise<Dialect> {
  switch (kind) {
    case "sqlite":
      return nodeSqliteDialect({ path: url });
    case "postgres": {
      const { default: pg } = await import("pg");
      const pool = new pg.Pool({ connectionString: url });
      // Without these listeners, a connection that is lost while no statement runs on it ends the process.
      pool.on("error", () => undefined);
      pool.on("connect", (client) => client.on("error", () => undefined));
      return new PostgresDialect({ pool });
    }
    case "mariadb": {
      const { createPool } = await import("mysql2");
      return new MysqlDialect({ pool: createPool(url.replace(/^mariadb:/, "mysql:")) });
    }
  }
}

/** What differs between the databases: a number that is never used again, and a text that is compared as it is. */
const types = {
  sqlite: { id: "integer primary key autoincrement", key: "text", text: "text" },
  postgres: { id: "integer generated always as identity primary key", key: "text", text: "text" },
  mariadb: {
    id: "integer auto_increment primary key",
    key: "varchar(255) collate utf8mb4_nopad_bin",
    text: "varchar(255)",
  },
} as const;

/** Makes the tables of the application that are missing. */
export async function createApplicationTables(db: Database, url: string): Promise<void> {
  const { id, key, text } = types[kindOf(url)];
  for (const statement of [
    `create table if not exists person (
      id ${id},
      login ${text} not null,
      login_key ${key} not null unique,
      first_name ${text},
      last_name ${text},
      email ${text},
      disabled integer not null default 0,
      created_at varchar(30) not null
    )`,
    `create table if not exists team (
      id ${id},
      title ${text} not null,
      title_key ${key} not null
    )`,
    `create table if not exists team_member (
      team_id integer not null references team (id) on delete cascade,
      person_id integer not null references person (id) on delete cascade,
      primary key (team_id, person_id)
    )`,
    `create table if not exists session (
      id ${key} primary key,
      person_id integer not null references person (id) on delete cascade,
      expires_at varchar(30) not null
    )`,
  ]) {
    await sql.raw(statement).execute(db);
  }
}
