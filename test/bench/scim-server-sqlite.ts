import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTables, KyselyGroupRepository, nodeSqliteDialect } from "concordat/kysely";
import { CompiledQuery, Kysely } from "kysely";
import { type RunningProgram, startProgram } from "./federation.ts";
import type { Report } from "./figures.ts";
import { sendLoad } from "./load.ts";
import { measuredCore } from "./measured.ts";
import { scimFields, scimRequest } from "./scim-server.ts";

/** How many users the databases have, of which all are read. */
const sizes = [10_000, 100_000, 1_000_000] as const;

/** How many members are added to each of the two groups in a round. */
const added = 200;

/**
 * Measures a service provider over a SQLite file: what adding a member costs in a small group and in one of a million;
 * and what the first page and an export of all users by cursor cost, in CPU time and in memory of the server, as the
 * users become more.
 */
export async function measureScimServerOverSqlite(report: Report, runs: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-bench-"));
  try {
    report.section("SCIM over HTTP into SQLite: the server's CPU time and memory");
    await measureMembers(report, join(directory, "groups"), runs);
    for (const size of sizes) await measureExport(report, join(directory, `of-${size}`), size);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureMembers(report: Report, path: string, runs: number): Promise<void> {
  const rounds = runs + 1;
  const ids = await prepared(path, 2 * rounds * added, [10, 1_000_000]);
  await using server = await startProgram("scim-server-sqlite.js", measuredCore, path);
  const names = ["small", "large"] as const;
  const times: Record<(typeof names)[number], number[]> = { small: [], large: [] };
  let next = 0;
  for (let round = 0; round < rounds; round++) {
    // Each is the first as often as the second.
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) {
      const group = ids[names.indexOf(name)] ?? "";
      const requests = Array.from({ length: added }, () => addition(group, next++));
      const time = await timeOf(server, () => sendLoad(server.port, requests, 1, added));
      // The first round warms up.
      if (round > 0) times[name].push(time / added);
    }
  }
  report.figure("one member more in a group that begins with 10", times.small, "ms");
  report.figure("one member more in a group that begins with 1,000,000", times.large, "ms");
  const ratio = times.large.map((time, run) => time / (times.small[run] ?? Number.NaN));
  report.figure("  how many times as much", ratio, "", "≤ 1.2");
}

async function measureExport(report: Report, path: string, size: number): Promise<void> {
  await prepared(path, size, []);
  await using server = await startProgram("scim-server-sqlite.js", measuredCore, path);
  const users = size.toLocaleString("en");
  const first = scimRequest("GET /scim/v2/Users?count=20");
  await sendLoad(server.port, first, 1, 50);
  const page = await timeOf(server, () => sendLoad(server.port, first, 1, 50));
  report.figure(`first page of 20 of ${users} users`, [page / 50], "ms");
  const cursored = scimRequest("GET /scim/v2/Users?count=20&cursor");
  const byCursor = await timeOf(server, () => sendLoad(server.port, cursored, 1, 50));
  report.figure("  by cursor", [byCursor / 50], "ms");
  let seen = 0;
  const time = await timeOf(server, async () => {
    seen = await exportAll(server.port);
  });
  if (seen !== size) throw new Error(`The export has ${seen} users.`);
  report.figure("  export of all by cursor, 1,000 on a page", [time / 1_000], "s");
  const { peak = Number.NaN } = await server.usage();
  report.figure("  the server's peak of memory", [peak], "MB");
}

/** Reads all pages of users, and says how many users there were. */
async function exportAll(port: number): Promise<number> {
  const headers = Object.fromEntries(scimFields.map((field) => field.split(": ")));
  let seen = 0;
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const url: string = `http://127.0.0.1:${port}/scim/v2/Users?count=1000&cursor=${cursor}`;
    const response = await fetch(url, { headers });
    const page = (await response.json()) as { Resources: unknown[]; nextCursor?: string };
    seen += page.Resources.length;
    cursor = page.nextCursor;
  }
  return seen;
}

/** The CPU time in milliseconds that a server spends on what is asked of it meanwhile. */
async function timeOf(server: RunningProgram, ask: () => Promise<void>): Promise<number> {
  const before = await server.usage();
  await ask();
  const after = await server.usage();
  return (after.cpu - before.cpu) / 1_000;
}

function addition(group: string, user: number): string {
  return scimRequest(
    `PATCH /scim/v2/Groups/${group}?attributes=displayName`,
    JSON.stringify({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      Operations: [{ op: "add", path: "members", value: [{ value: userId(user) }] }],
    }),
  );
}

function userId(number: number): string {
  return `user-${String(number).padStart(7, "0")}`;
}

/**
 * A database with so many users, and groups of these sizes, stored by a statement each: it is not this that is
 * measured.
 */
async function prepared(
  path: string,
  users: number,
  groupSizes: readonly number[],
): Promise<readonly string[]> {
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path }) });
  try {
    await createTables(db);
    const numbers = "with recursive n (i) as (select 0 union all select i + 1 from n where i < ?)";
    const instant = "'2026-01-01T00:00:00.000Z'";
    await db.executeQuery(
      CompiledQuery.raw(
        `insert into concordat_user (id, user_name, user_name_key, given_name, family_name, active,
          attributes, attributes_key, version, created, last_modified)
        ${numbers} select printf('user-%07d', i), 'user' || i, 'user' || i, 'Given' || i,
          'Family' || i, 1, json_object('emails', json_array(json_object('value',
          'user' || i || '@example.com', 'type', 'work'))), '{}', 1, ${instant}, ${instant} from n`,
        [users - 1],
      ),
    );
    const groups = new KyselyGroupRepository(db);
    const ids: string[] = [];
    for (const size of groupSizes) {
      const { id } = await groups.create({ displayName: `Of ${size}` });
      ids.push(id);
      await db.executeQuery(
        CompiledQuery.raw(
          `insert into concordat_group_member (group_id, member_id, member_type)
          ${numbers} select ?, printf('member-%07d', i), 'User' from n`,
          [size - 1, id],
        ),
      );
    }
    return ids;
  } finally {
    await db.destroy();
  }
}
