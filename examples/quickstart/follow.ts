import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFile } from "node:fs/promises";
import { ConcordatError } from "concordat";
import {
  type BindOptions,
  type ConnectOptions,
  connect,
  type MappingProblem,
  type WatchEvent,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { type Outcome, synchronize } from "concordat/sync";
import { Application, temporaryDatabase } from "./application.ts";
import { Failure } from "./failures.ts";
import { commandLine, type DirectoryOptions } from "./options.ts";
import { passwordFor } from "./password.ts";
import { profileWithLocks } from "./profiles.ts";
import { Progress } from "./progress.ts";
import { countsText, outcomeText, queryText, secondsText } from "./report.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Keeps the database as a directory is, and shows each change as it arrives, until it is interrupted. The directory is
 * searched, and nothing else is asked of it.
 */
export async function follow(
  terminal: Terminal,
  options: DirectoryOptions,
  named: string | undefined,
  interrupted: AbortSignal,
): Promise<void> {
  const connection = await connectionTo(options);
  const stream = watchDirectory({
    ...connection,
    base: options.base,
    profile: profileWithLocks(options.profile),
    ...(options.filter !== undefined && { filter: options.filter }),
  });
  // A directory that is away while it is followed is tried again, for as long as it takes. A mistake in the options had
  // better end the programme, and the first connection tells.
  await (await connect({ ...connection, signal: interrupted })).close();

  const database = named ?? (await temporaryDatabase());
  const application = await Application.open(database);
  const stopWatching = announceEvents(terminal, stream.source);
  try {
    introduce(terminal, options, database);
    // Whoever leaves is disabled and keeps the row, unless `onDelete` says otherwise.
    const outcomes = synchronize(stream, application.target, { signal: interrupted });
    const position = await application.target.checkpoints.load(stream.source);
    await show(terminal, application, outcomes, position?.checkpoint !== undefined);
    terminal.line();
    terminal.line(`Stopped with ${countsText(await application.counts())}.`);
    terminal.line("To go on from here:");
    terminal.line(`  ${commandLine(options, database)}`);
  } finally {
    terminal.clearStatus();
    stopWatching();
    await application.close();
  }
}

function introduce(terminal: Terminal, { url, base }: DirectoryOptions, database: string): void {
  terminal.line(terminal.style("title", "A directory's changes in your database, live"));
  terminal.line();
  terminal.line(`  directory  ${url}`);
  terminal.line(`             ${base}`);
  terminal.line(`  database   ${database}`);
  terminal.line(`  look       ${queryText(database)}`);
  terminal.line();
}

/** Shows the first refresh by its progress, and what follows line by line. */
async function show(
  terminal: Terminal,
  application: Application,
  outcomes: AsyncIterable<Outcome>,
  resumes: boolean,
): Promise<void> {
  if (resumes) {
    terminal.line("Resuming from the checkpoint in the database, with");
    terminal.line(`  ${countsText(await application.counts())}`);
  }
  const progress = new Progress(terminal, resumes ? "Catching up" : "Synchronising");
  const start = performance.now();
  let isRefreshing = true;
  for await (const outcome of outcomes) {
    if (isRefreshing && outcome.kind === "refreshed") {
      isRefreshing = false;
      const done = terminal.style("good", terminal.symbols.done);
      const took = secondsText(performance.now() - start);
      terminal.line(`${done} ${countsText(await application.counts())} in ${took}`);
      terminal.line();
      terminal.line(terminal.style("title", "Following the directory; Ctrl-C ends"));
      continue;
    }
    if (isRefreshing) await progress.advance();
    // What a first refresh brings is too much to read, except for what it could not apply.
    if (isRefreshing && !resumes && outcome.kind !== "deferred") continue;
    const text = await outcomeText(terminal, application, outcome);
    if (text !== undefined) terminal.line(terminal.cut(`${clock()}  ${text}`));
  }
}

/**
 * Where to connect, and as whom.
 *
 * @throws {Failure} a file cannot be read.
 */
async function connectionTo({
  url,
  bindDn,
  startTls,
  ca,
}: DirectoryOptions): Promise<ConnectOptions> {
  const bind = await bindTo(url, bindDn);
  return {
    url,
    startTls,
    ...(bind !== undefined && { bind }),
    ...(ca !== undefined && { tls: { ca: await readAuthorities(ca) } }),
  };
}

async function bindTo(url: string, dn: string | undefined): Promise<BindOptions | undefined> {
  if (dn !== undefined) return { method: "simple", dn, password: await passwordFor(dn) };
  // On a local socket the server knows which user of the machine is asking.
  return url.toLowerCase().startsWith("ldapi:") ? { method: "external" } : undefined;
}

async function readAuthorities(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new Failure(`The file of --ca cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/**
 * Shows what the stream tells of its own work, as far as a person wants to know it, until the function returned is
 * called.
 */
function announceEvents(terminal: Terminal, source: string): () => void {
  let isAway = false;
  const announce = (message: unknown) => {
    const event = message as WatchEvent;
    if (event.source !== source) return;
    const text = eventText(event, isAway);
    if (event.event === "reconnecting") isAway = true;
    if (event.event === "refreshed") isAway = false;
    if (text !== undefined) terminal.line(`${clock()}  ${terminal.style("changed", text)}`);
  };
  subscribe(watchChannelName, announce);
  return () => unsubscribe(watchChannelName, announce);
}

function eventText(event: WatchEvent, isAway: boolean): string | undefined {
  switch (event.event) {
    case "reset":
      return `The checkpoint is of no use any more (${event.reason}): everything is read anew.`;
    case "reconnecting": {
      const reason = event.error instanceof ConcordatError ? ` (${event.error.code})` : "";
      return `The directory is away${reason}. Next attempt in ${secondsText(event.delay)}.`;
    }
    case "refreshed":
      return isAway ? "The directory is back, and nothing was missed." : undefined;
    case "problem":
      // One of each kind is enough to look into.
      return event.count > 1
        ? undefined
        : `The entry ${event.sourceId} ${problems[event.problem]}.`;
    default:
      return undefined;
  }
}

const problems: Readonly<Record<MappingProblem, string>> = {
  neitherUserNorGroup: "is neither a user nor a group, and is left out",
  undecodableValue: "has a text that is not UTF-8, which is left out",
  invalidDn: "names something by what is not a distinguished name, which is left out",
  foreignPrincipal: "has a member of another forest, who is left out",
};

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}
