import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTables,
  type KyselyDatabase,
  KyselyGroupRepository,
  nodeSqliteDialect,
} from "concordat/kysely";
import { CompiledQuery, Kysely } from "kysely";
import { timesOf } from "./cpu-time.ts";
import type { Report } from "./figures.ts";

/**
 * Measures what it costs to put one member into a group of ten and into a group of a million, in SQLite. The time is
 * the CPU's, SQLite's work included; both are measured in turn, and each round adds members who are not there yet.
 */
export async function measureMemberships(report: Report, runs: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-bench-"));
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: join(directory, "db") }) });
  try {
    await createTables(db);
    const groups = new KyselyGroupRepository(db, { users: "elsewhere" });
    const small = await groupOf(db, groups, 10);
    const large = await groupOf(db, groups, 1_000_000);
    let added = 0;
    const addTo = (id: string) => (): Promise<void> =>
      groups.changeMembers(id, { add: [{ value: `new-${added++}` }] });
    const times: Record<"small" | "large", number[]> = { small: [], large: [] };
    for (let run = 0; run < runs; run++) {
      times.small.push(...(await timesOf(1, addTo(small))));
      times.large.push(...(await timesOf(1, addTo(large))));
    }
    report.section("Adding one member to a group in SQLite, milliseconds of CPU time");
    report.figure("to a group that begins with 10", times.small, "ms");
    report.figure("to a group that begins with 1,000,000", times.large, "ms");
    const ratio = times.large.map((time, run) => time / (times.small[run] ?? Number.NaN));
    report.figure("  how many times as much", ratio, "", "≤ 1.2");
  } finally {
    await db.destroy();
    await rm(directory, { recursive: true, force: true });
  }
}

/** A group with so many members, who are stored by one statement: it is not this that is measured. */
async function groupOf(
  db: KyselyDatabase & Kysely<unknown>,
  groups: KyselyGroupRepository,
  size: number,
): Promise<string> {
  const { id } = await groups.create({ displayName: `Of ${size}` });
  await db.executeQuery(
    CompiledQuery.raw(
      `insert into concordat_group_member (group_id, member_id, member_type)
       with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
       select ?, 'member-' || printf('%07d', i), 'User' from n`,
      [size, id],
    ),
  );
  return id;
}
