import { UnsupportedError } from "concordat";
import { createTables, KyselyUserRepository } from "concordat/kysely";
import {
  DummyDriver,
  Kysely,
  MssqlQueryCompiler,
  MysqlAdapter,
  MysqlQueryCompiler,
  type QueryCompiler,
  SqliteIntrospector,
} from "kysely";
import { describe, expect, test } from "vitest";

/** A database that takes every statement, and answers each question with its version. */
function database(
  compiler: QueryCompiler,
  version: string,
): { readonly db: Kysely<unknown>; readonly statements: string[] } {
  const statements: string[] = [];
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new MysqlAdapter(),
      createDriver: () =>
        Object.assign(new DummyDriver(), {
          acquireConnection: async () => ({
            executeQuery: async ({ sql }: { readonly sql: string }) => {
              statements.push(sql);
              const mode = "STRICT_TRANS_TABLES";
              return { rows: sql.startsWith("select version()") ? [{ version, mode }] : [] };
            },
          }),
        }),
      createIntrospector: (of) => new SqliteIntrospector(of),
      createQueryCompiler: () => compiler,
    },
  });
  return { db, statements };
}

describe("a database", () => {
  test("that is MySQL is told from MariaDB by its version, and refused before anything is made", async () => {
    const { db, statements } = database(new MysqlQueryCompiler(), "8.4.2");
    await expect(createTables(db)).rejects.toThrow(/MySQL.*MariaDB/);
    await expect(createTables(db)).rejects.toThrow(UnsupportedError);
    expect(statements.filter((text) => text.startsWith("create"))).toEqual([]);
  });

  test("that is none of the three is refused", () => {
    const { db } = database(new MssqlQueryCompiler(), "16");
    expect(() => new KyselyUserRepository(db)).toThrow(UnsupportedError);
  });

  test("that is MariaDB gets no key of more than the 3072 bytes that it allows", async () => {
    const { db, statements } = database(new MysqlQueryCompiler(), "11.4.2-MariaDB");
    await createTables(db);
    const sizes = statements.flatMap((text) => {
      const columns = [...text.matchAll(/(\w+) varchar\((\d+)\)/g)];
      const size = new Map(columns.map(([, name, length]) => [name, 4 * Number(length)]));
      const key = /(?:primary key|unique) \(([^)]+)\)/.exec(text)?.[1]?.split(", ") ?? [];
      return key.length === 0 ? [] : [key.reduce((sum, name) => sum + (size.get(name) ?? 0), 0)];
    });
    expect(Math.max(...sizes)).toBe(3 * 4 * 240);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3072);
  });
});
