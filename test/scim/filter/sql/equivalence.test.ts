import {
  type BoundFilter,
  bindFilter,
  type CompareOperator,
  compileFilter,
  type Filter,
  filterToSql,
  isAnsweredInSql,
  parseFilter,
  printFilter,
  type SqlFilterDialect,
  splitFilter,
} from "concordat/scim";
import fc from "fast-check";
import { CompiledQuery } from "kysely";
import { expect, test } from "vitest";
import { type DatabaseKind, databases, describeOn, pglite } from "../../../kysely/databases.js";
import { anyFilterOf, anyResource, sampleType } from "../samples.js";
import { createSampleTables, sampleColumns, storable, storeSamples } from "./sample-tables.js";

const dialects: Record<DatabaseKind["name"], SqlFilterDialect> = {
  SQLite: "sqlite",
  PostgreSQL: "postgres",
  PGlite: "postgres",
  MariaDB: "mariadb",
};

/** A comparison with part of a text that one of the resources has, of which there would be few otherwise. */
function partOf(resources: readonly object[]): fc.Arbitrary<Filter> {
  const texts = resources.flatMap((resource) =>
    Object.entries(resource).filter(
      (entry): entry is [string, string] =>
        sought.includes(entry[0]) && typeof entry[1] === "string",
    ),
  );
  return fc
    .record({
      operator: fc.constantFrom<CompareOperator[]>("eq", "co", "sw", "ew", "ge", "lt"),
      text: fc.constantFrom(...texts),
      start: fc.nat(2),
      length: fc.nat(4),
    })
    .map(({ operator, text: [attribute, text], start, length }) => {
      const part = Array.from(text).slice(start, start + length);
      return { operator, path: { attribute }, value: part.join("") };
    });
}

const sought = ["nick", "code", "link"];

for (const database of new Set([...databases, pglite])) {
  describeOn(database, "SQL and the predicate agree", () => {
    test("on any resources, for any filter", async () => {
      const dialect = dialects[database.name];
      const columns = sampleColumns(dialect);
      await using opened = await database.open({ tables: false });
      const { db } = opened;
      await createSampleTables(db, dialect);
      // PGlite is PostgreSQL again, and slow.
      const runs = Number(process.env["CONCORDAT_RUNS"] ?? (database === pglite ? 60 : 300));
      const seed = Math.floor(Math.random() * 2 ** 31);
      const resources = fc.sample(anyResource.map(storable), { seed, numRuns: 150 });
      await storeSamples(db, dialect, resources);

      const find = async (filter: BoundFilter | undefined): Promise<number[]> => {
        if (filter === undefined) return [...resources.keys()];
        const { sql, parameters } = filterToSql(filter, columns, dialect);
        const text = `select id from sample where ${sql} order by id`;
        const query = CompiledQuery.raw(text, [...parameters]);
        const { rows } = await db.executeQuery<{ id: number }>(query);
        return rows.map(({ id }) => id);
      };
      const seen = { matches: 0, others: 0, whole: 0 };
      const isMatch = (filter: BoundFilter | undefined, id: number): boolean =>
        filter === undefined || compileFilter(filter)(resources[id] ?? {});
      await fc.assert(
        fc.asyncProperty(fc.oneof(anyFilterOf(sampleType), partOf(resources)), async (read) => {
          const filter = bindFilter(read, sampleType);
          const { pushed, rest } = splitFilter(filter, isAnsweredInSql(columns, dialect));
          const found = (await find(pushed)).filter((id) => isMatch(rest, id));
          const matching = [...resources.keys()].filter((id) => isMatch(filter, id));
          expect({ seed, filter: printFilter(filter), found }).toEqual({
            seed,
            filter: printFilter(filter),
            found: matching,
          });
          seen.matches += matching.length;
          seen.others += resources.length - matching.length;
          if (rest === undefined) seen.whole++;
        }),
        { numRuns: runs },
      );
      // The largest filters that are read.
      for (const operator of ["or", "and"] as const) {
        const text = Array(1_000).fill('code ne "x"').join(` ${operator} `);
        const large = bindFilter(parseFilter(text), sampleType);
        expect(await find(large)).toEqual([...resources.keys()]);
      }
      const deep = `${"not (".repeat(31)}nick pr${")".repeat(31)}`;
      const filter = bindFilter(parseFilter(deep), sampleType);
      expect(await find(filter)).toEqual([...resources.keys()].filter((id) => isMatch(filter, id)));
      // Nearly all are answered by the database alone, and there is something to find, and to leave.
      expect(seen.whole).toBeGreaterThan(runs / 2);
      expect(Math.min(seen.matches, seen.others)).toBeGreaterThan(10 * runs);
    });
  });
}
