import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTables, nodeSqliteDialect } from "concordat/kysely";
import { Kysely } from "kysely";

/** A database in memory, what was run on it, and its end. */
export interface TestDatabase {
  readonly db: Kysely<unknown>;
  /** The statements that were run, without those that make tables. */
  readonly statements: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** An empty database in memory with the package's own tables. */
export async function testDatabase(): Promise<TestDatabase> {
  const statements: string[] = [];
  const db = new Kysely<unknown>({
    dialect: nodeSqliteDialect({ path: ":memory:" }),
    log: ({ query }) => {
      statements.push(query.sql.replaceAll(/\s+/g, " "));
    },
  });
  await createTables(db);
  statements.length = 0;
  return { db, statements, [Symbol.asyncDispose]: () => db.destroy() };
}

/** A directory that is removed in the end. */
export async function temporaryDirectory(): Promise<{
  file(name: string): string;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-"));
  return {
    file: (name) => join(directory, name),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
