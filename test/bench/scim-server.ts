import { type RunningProgram, startProgram } from "./federation.ts";
import type { Report } from "./figures.ts";
import { sendLoad } from "./load.ts";
import { measuredCore } from "./measured.ts";

/** How many connections the clients have. */
const connections = 10;

/** The header fields of every request. */
export const scimFields: readonly string[] = [
  "host: localhost",
  "authorization: Bearer bench",
  "accept: application/scim+json",
];

/** Changes that each change something, since a peer answers others without a body. */
const patches = Array.from({ length: 100 }, (_, n) =>
  scimRequest(
    "PATCH /scim/v2/Users/id000042",
    JSON.stringify({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      Operations: [{ op: "replace", path: "title", value: `Title ${n}` }],
    }),
  ),
);

interface Case {
  readonly name: string;
  readonly requests: readonly string[];
  /** How many requests are measured in a round. Of the peer's pages only few: each takes seconds. */
  readonly count: { readonly concordat: number; readonly scimmy: number };
  readonly aim: string;
}

const filter = encodeURIComponent('userName eq "user777@example.com"');
const cases: readonly Case[] = [
  {
    name: 'GET /Users?filter=userName eq "…"',
    requests: [scimRequest(`GET /scim/v2/Users?filter=${filter}`)],
    count: { concordat: 6_000, scimmy: 1_500 },
    aim: "5,000",
  },
  {
    name: "GET /Users?count=20, the first page",
    requests: [scimRequest("GET /scim/v2/Users?startIndex=1&count=20")],
    count: { concordat: 3_000, scimmy: 1 },
    aim: "2,000",
  },
  {
    name: "PATCH of a user, title",
    requests: patches,
    count: { concordat: 6_000, scimmy: 600 },
    aim: "5,000",
  },
];

/**
 * Measures how many requests a service provider answers in a second of CPU time, over node:http with 10,000 users in
 * memory, in rounds that take the package and its peer in turn. The best round of each counts: whatever else the
 * machine does only adds.
 */
export async function measureScimServer(report: Report, rounds: number): Promise<void> {
  report.section(
    `SCIM over HTTP: requests in a second of the server's CPU time, ${connections} connections, best of ${rounds} ` +
      `rounds`,
  );
  await using running = new AsyncDisposableStack();
  const servers: Readonly<Record<keyof Case["count"], RunningProgram>> = {
    concordat: running.use(await startProgram("scim-server.js", measuredCore, "concordat")),
    scimmy: running.use(await startProgram("scim-server.js", measuredCore, "scimmy")),
  };
  for (const { name, requests, count, aim } of cases) {
    const best = { concordat: 0, scimmy: 0 };
    for (let round = 0; round <= rounds; round += 1) {
      for (const variant of ["concordat", "scimmy"] as const) {
        // A page takes the peer seconds: one is enough to know it.
        if (count[variant] === 1 && round > 1) continue;
        const rate = await rateOf(servers[variant], requests, count[variant]);
        // The first round warms up.
        if (round > 0 || count[variant] === 1) best[variant] = Math.max(best[variant], rate);
      }
    }
    const ratio = (best.concordat / best.scimmy).toFixed(1);
    report.figure(`${name} (${ratio} of scimmy-routers)`, [best.concordat], "/s", `${aim} /s`);
    report.figure(`${name}, scimmy-routers`, [best.scimmy], "/s");
  }
  await measureGroups(report, servers.concordat, rounds);
}

/** What it costs to tell the two groups that each user is in, beside the same answer without them. */
async function measureGroups(
  report: Report,
  server: RunningProgram,
  rounds: number,
): Promise<void> {
  const queries = [
    ["GET of 20 names of users", "startIndex=1&count=20"],
    ['GET of a name by filter=userName eq "…"', `filter=${filter}`],
  ] as const;
  for (const [name, query] of queries) {
    const path = `GET /scim/v2/Users?${query}&attributes=userName`;
    const variants = {
      without: [scimRequest(path)],
      with: [scimRequest(`${path},groups`)],
    } as const;
    const best = { without: 0, with: 0 };
    for (let round = 0; round <= rounds; round += 1) {
      for (const variant of ["without", "with"] as const) {
        const rate = await rateOf(server, variants[variant], 1_500);
        if (round > 0) best[variant] = Math.max(best[variant], rate);
      }
    }
    const share = (best.with / best.without).toFixed(2);
    report.figure(name, [best.without], "/s");
    report.figure(`${name}, and the groups (${share} of that)`, [best.with], "/s");
  }
}

async function rateOf(
  server: RunningProgram,
  requests: readonly string[],
  count: number,
): Promise<number> {
  const before = await server.usage();
  await sendLoad(server.port, requests, Math.min(connections, count), count);
  const after = await server.usage();
  return (count / (after.cpu - before.cpu)) * 1_000_000;
}

/** A request as it goes over the wire. */
export function scimRequest(line: string, body?: string): string {
  const all =
    body === undefined
      ? scimFields
      : [...scimFields, "content-type: application/scim+json", `content-length: ${body.length}`];
  return `${line} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n${body ?? ""}`;
}
