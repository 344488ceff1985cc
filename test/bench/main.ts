/**
 * Measures filters, signing, forwarding, and the way from a directory to changes and to a database, against a slapd
 * that is started for it, and prints the figures: `npm run bench -- --help`. It writes nothing but temporary files,
 * which it removes.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measureFederation, measureFederationMemory } from "./federation.ts";
import { Report } from "./figures.ts";
import { measureFilters } from "./filters.ts";
import { measureLatency } from "./latency.ts";
import { isPinned } from "./measured.ts";
import { measureMemberships } from "./members.ts";
import { measureLargeRefresh, measureRefresh } from "./refresh.ts";
import { measureResources } from "./resources.ts";
import { measureResume } from "./resume.ts";
import { measureScimClient } from "./scim-client.ts";
import { measureScimServer } from "./scim-server.ts";
import { measureScimServerOverSqlite } from "./scim-server-sqlite.ts";
import { startServer } from "./server.ts";
import { measureSigning } from "./signing.ts";
import { measureSignOn } from "./sso.ts";
import { measureStore } from "./store.ts";

const withoutDirectory = [
  "filters",
  "resources",
  "memberships",
  "signing",
  "sso",
  "federation",
  "scim-server",
  "scim-server-sqlite",
  "scim-client",
] as const;
const benchmarks = [...withoutDirectory, "refresh", "large", "store", "resume", "latency"] as const;

const help = `Usage: npm run bench [-- OPTIONS] [BENCHMARK...]

Benchmarks, all of them by default:
  filters   reading SCIM filters and looking through users, beside scim2-parse-filter
  signing   signing and verifying by each profile, beside itsdangerous and http-message-signatures
  sso       whole sign-ons by each format
  resources  reading, projecting and patching SCIM resources, beside scimmy and scim-patch
  memberships  adding one member to a small group and to a group of a million, in SQLite
  federation  what forwarding a request costs, beside @fastify/reply-from and http-proxy, and its memory
  scim-server  requests to a SCIM service provider over HTTP, beside scimmy-routers
  scim-server-sqlite  the same over SQLite: a member of a group of a million, and exports of up to a million users
  scim-client  how many requests a directory is for a SCIM service provider
  refresh   a full refresh into changes, beside ldapsearch and python-ldap
  large     the memory that a full refresh of three times as many entries takes
  store     a full refresh into SQLite, and the same again with nothing changed
  resume    a restart of the consumer, until it has caught up
  latency   from the directory's answer to the change, and to the committed row

By name only:
  applications  people per second into the templates' applications, beside rt-ldapimport, and the delay of a change
  million   a directory of 100,000 people and one of a million through a log on NATS into SQLite and PostgreSQL: time, CPU
            and memory of each process, with curves in docs/pictures; takes hours
  change-log  publishing to a log on NATS beside the bare client, and a group of so many members as --entries says

Options:
  --entries N        how many people there are (default: 100000; of million: 100000, then 1000000)
  --runs N           how often each figure is taken (default: 5)
  --modifications N  how many changes the latency is taken of (default: 1000)
`;

await main();

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      entries: { type: "string" },
      runs: { type: "string", default: "5" },
      modifications: { type: "string", default: "1000" },
      help: { type: "boolean", default: false },
    },
  });
  const [only = ""] = positionals;
  const byName = benchmarksByName(values.entries);
  if (!values.help && positionals.length === 1 && byName[only] !== undefined) {
    process.exitCode = measureByTest(`test/bench/${only}.test.ts`, byName[only]);
    return;
  }
  const unknown = positionals.find((name) => !benchmarks.some((known) => known === name));
  if (values.help || unknown !== undefined) {
    process.stdout.write(
      unknown === undefined ? help : `There is no benchmark "${unknown}".\n\n${help}`,
    );
    process.exitCode = unknown === undefined ? 0 : 2;
    return;
  }
  const entries = atLeast(1_000, "entries", values.entries ?? "100000");
  const runs = atLeast(1, "runs", values.runs);
  const modifications = atLeast(1, "modifications", values.modifications);
  const isWanted = (name: (typeof benchmarks)[number]): boolean =>
    positionals.length === 0 || positionals.includes(name);

  const report = new Report();
  report.section(
    `Node ${process.versions.node} on ${cpus()[0]?.model}, ${cpus().length} cores; load ${load()}`,
  );
  report.note(
    isPinned
      ? "The server and what is measured have a core each."
      : "Left out: cores of their own; there is no taskset.",
  );
  if (isWanted("filters")) measureFilters(report, runs);
  if (isWanted("resources")) await measureResources(report, runs);
  if (isWanted("memberships")) await measureMemberships(report, runs);
  if (isWanted("signing")) await measureSigning(report, runs);
  if (isWanted("sso")) await measureSignOn(report, runs);
  if (isWanted("federation")) {
    await measureFederation(report, 2 * runs);
    await measureFederationMemory(report, 200_000);
  }
  if (isWanted("scim-server")) await measureScimServer(report, runs);
  if (isWanted("scim-server-sqlite")) await measureScimServerOverSqlite(report, runs);
  if (isWanted("scim-client")) await measureScimClient(report, runs);
  const ofDirectory = benchmarks.filter(
    (name) => !withoutDirectory.some((one) => one === name) && isWanted(name),
  );
  if (ofDirectory.length === 0) return;
  if (!existsSync("/usr/sbin/slapd") || !existsSync("/usr/bin/ldapsearch")) {
    report.note(
      `Left out: ${ofDirectory.join(", ")}. Install the Debian packages slapd and ldap-utils.`,
    );
    return;
  }
  if (ofDirectory.some((name) => name !== "large")) {
    await using server = await startServer(entries);
    if (isWanted("refresh")) await measureRefresh(report, server, entries, runs);
    if (isWanted("store")) await measureStore(report, server, entries, runs);
    if (isWanted("resume")) await measureResume(report, server, entries, runs);
    if (isWanted("latency")) await measureLatency(report, server, entries, modifications);
  }
  if (isWanted("large")) {
    await using server = await startServer(3 * entries);
    await measureLargeRefresh(report, server, 3 * entries, Math.min(runs, 3));
  }
  report.note(`The load is now ${load()}.`);
}

/** The benchmarks that run only by their name, and what their files are told. */
function benchmarksByName(
  entries: string | undefined,
): Readonly<Record<string, NodeJS.ProcessEnv | undefined>> {
  return {
    applications: {},
    million: {
      CONCORDAT_BENCH_SIZES: entries ?? "100000,1000000",
      CONCORDAT_BENCH_PICTURES: "docs/pictures",
    },
    "change-log": { CONCORDAT_BENCH_MEMBERS: entries ?? "1000000" },
  };
}

/** They share what starts servers with the tests, and so run as they do. */
function measureByTest(file: string, told: NodeJS.ProcessEnv): number {
  const args = ["run", "--config", "test/vitest.config.ts", "--reporter=dot"];
  const { status } = spawnSync("node_modules/.bin/vitest", [...args, "--silent=false", file], {
    stdio: "inherit",
    env: { ...process.env, CONCORDAT_BENCH: "1", ...told },
  });
  return status ?? 1;
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

function atLeast(least: number, name: string, value: string): number {
  const number = Number(value);
  if (!(Number.isInteger(number) && number >= least)) {
    process.stdout.write(`--${name} must be a whole number from ${least}.\n`);
    process.exit(2);
  }
  return number;
}
