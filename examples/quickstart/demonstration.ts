import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { watchDirectory } from "concordat/ldap";
import { type Outcome, synchronize } from "concordat/sync";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { Application, type Row, temporaryDatabase } from "./application.ts";
import { Failure } from "./failures.ts";
import { inventedEntries } from "./invented-directory.ts";
import { type LiveChange, liveChanges } from "./live-changes.ts";
import { profileWithLocks } from "./profiles.ts";
import { Progress } from "./progress.ts";
import { counted, countsText, heading, queryText, rowText, secondsText } from "./report.ts";
import type { Terminal } from "./terminal.ts";

/** How long a change may take to arrive, in milliseconds, before something is wrong. */
const patience = 10_000;

/** How long to rest before a change, in milliseconds, where somebody watches. */
const rest = 700;

/** Who takes part. */
interface Scene {
  readonly terminal: Terminal;
  readonly directory: Directory;
  readonly application: Application;
  readonly signal: AbortSignal;
}

/**
 * Shows what the package does, with a directory of invented people: they are synchronised into the database, then the
 * directory is changed, and each change is seen to arrive in the application's tables.
 */
export async function demonstrate(
  terminal: Terminal,
  named: string | undefined,
  interrupted: AbortSignal,
): Promise<void> {
  const database = named ?? (await temporaryDatabase());
  if (existsSync(database)) {
    throw new Failure(
      `The demonstration begins with a new database, and ${database} is there already: delete it, or name another ` +
        `with --database.`,
    );
  }
  // The names of members follow renames and deletions, as in directories that keep references intact.
  const directory = await startDirectory({ refint: "replicated" });
  try {
    directory.load(inventedEntries(directory.suffix));
    const application = await Application.open(database);
    try {
      await perform(terminal, directory, application, database, interrupted);
    } finally {
      await application.close();
    }
  } finally {
    await directory.stop();
  }
}

async function perform(
  terminal: Terminal,
  directory: Directory,
  application: Application,
  database: string,
  interrupted: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([interrupted, stop.signal]);
  const scene: Scene = { terminal, directory, application, signal };

  const people = directory.entries({ filter: "(objectClass=inetOrgPerson)" }).length;
  const groups = directory.entries({ filter: "(objectClass=groupOfNames)" });
  const memberships = groups.flatMap(({ attributes: { member = [] } }) => member).length;
  terminal.line(terminal.style("title", "A directory's changes in your database, live"));
  terminal.line();
  terminal.line(`  directory  ${directory.url}, in this process`);
  terminal.line(
    `             ${counted(people, "person", "people")} and ${counted(groups.length, "group")}, invented`,
  );
  terminal.line(`  database   ${database}`);
  terminal.line();

  const progress = new Progress(terminal, "Synchronising", people + groups.length + memberships);
  const refreshed = Promise.withResolvers<void>();
  const start = performance.now();
  // Synchronisation does not end by itself, so it runs beside what is shown of it.
  const synchronising = synchroniseAll(scene, async (outcome) => {
    if (outcome.kind === "created" || outcome.kind === "memberAdded") await progress.advance();
    if (outcome.kind === "refreshed") refreshed.resolve();
  });
  const showing = refreshed.promise.then(async () => {
    const took = performance.now() - start - progress.rested;
    const first = `${countsText(await application.counts())} in ${secondsText(took)}`;
    terminal.line(`${terminal.style("good", terminal.symbols.done)} ${first}`);
    terminal.line();
    const delays = await showChanges(scene);
    terminal.line();
    const counts = await application.counts();
    terminal.line(terminal.style("title", "Summary"));
    terminal.line(`  first    ${first}`);
    terminal.line(`  changes  ${delaysText(delays)}`);
    terminal.line(`  now      ${countsText(counts)}`);
    terminal.line(`           ${counted(counts.disabled, "user")} disabled`);
    terminal.line(`  look     ${queryText(database)}`);
    terminal.line("  yours    npm run quickstart -- --help");
  });
  try {
    await Promise.race([synchronising, showing]);
    interrupted.throwIfAborted();
  } finally {
    terminal.clearStatus();
    stop.abort();
    // What has not begun to be shown is not shown any more.
    refreshed.reject(signal.reason);
    await Promise.allSettled([synchronising, showing]);
  }
}

/** The few lines that an application needs. */
async function synchroniseAll(
  { directory, application, signal }: Scene,
  report: (outcome: Outcome) => Promise<void>,
): Promise<void> {
  const stream = watchDirectory({
    url: directory.url,
    base: directory.suffix,
    bind: { method: "simple", dn: directory.adminDn, password: directory.password },
    // The password does not leave this machine.
    allowCleartext: true,
    profile: profileWithLocks("inetOrgPerson"),
    // Far smaller than usual, so that the progress bar has something to show.
    batchSize: 20,
  });
  for await (const outcome of synchronize(stream, application.target, {
    onDelete: "delete",
    signal,
  })) {
    await report(outcome);
  }
}

/** Makes each change, shows how it arrives, and tells how long each took, in milliseconds. */
async function showChanges(scene: Scene): Promise<readonly number[]> {
  const { terminal, directory, signal } = scene;
  const delays: number[] = [];
  terminal.line(terminal.style("title", "Changes in the directory, and the rows they change"));
  for (const change of liveChanges(directory.suffix)) {
    if (terminal.isInteractive) await sleep(rest, undefined, { signal });
    terminal.line(
      terminal.cut(`${heading(terminal, change.kind, change.name.padEnd(14))}  ${change.what}`),
    );
    change.make(directory);
    const answered = performance.now();
    const row = await arrival(scene, change);
    const delay = performance.now() - answered;
    delays.push(delay);
    const seen = `  ${terminal.symbols.arrow} ${rowText(terminal, row)}`;
    terminal.line(terminal.spread(seen, terminal.style("good", `${delay.toFixed(1)} ms`)));
  }
  return delays;
}

/** Looks at the tables until they show a change. */
async function arrival(
  { application, signal }: Scene,
  change: LiveChange,
): Promise<Row | "no row"> {
  const deadline = performance.now() + patience;
  for (;;) {
    const row = await change.look(application);
    if (row !== undefined) return row;
    if (performance.now() > deadline) {
      throw new Failure(`"${change.name}" did not arrive within ${patience / 1000} seconds.`);
    }
    await sleep(1, undefined, { signal });
  }
}

function delaysText(delays: readonly number[]): string {
  const sorted = delays.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const slowest = sorted.at(-1) ?? 0;
  return `${delays.length} arrived, median ${median.toFixed(1)} ms, slowest ${slowest.toFixed(1)} ms`;
}
