import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, Change } from "ldapts";
import { type Slapd, startSlapd } from "../integration/slapd.js";
import { KillableProgram } from "../killable-program.js";
import {
  addLocalAccounts,
  addLocalMemberships,
  type LocalContent,
  readApplication,
  readCheckpoint,
  readLocalRows,
} from "./application.js";
import type { ConsumerOptions } from "./consumer.ts";
import type { ConsumerProgram } from "./consumer-program.js";
import { CuttingProxy } from "./cutting-proxy.js";
import { type Difference, differencesOf } from "./differences.js";
import { readContextCsn, readDirectory } from "./directory-content.js";
import { type Figures, Journal } from "./journal.js";
import { bound, WriteLog } from "./logged-client.js";
import { firstLdif, personDn, stayingName, suffix, writers } from "./names.js";
import type { Plan } from "./plan.js";
import { Random } from "./random.js";
import { type Pace, Writer } from "./writer.js";

/** What a run has shown. */
export interface RunReport extends Figures {
  readonly differences: readonly Difference[];
  /** What differed when the consumer had caught up, and soon did not any more. */
  readonly passing: readonly string[];
  /** What happened to the entries that differ, for a person to read; empty if none does. */
  readonly history: string;
  /** Writes that the server confirmed. */
  readonly writes: number;
  readonly kills: number;
  readonly cuts: number;
  readonly restarts: number;
  /** How long the consumer needed to catch up after the last write, in milliseconds. */
  readonly caughtUpIn: number;
  /** All of it, in milliseconds. */
  readonly took: number;
}

/**
 * How long the consumer may take to come to what the directory says once all is quiet, in milliseconds. What the server has rewritten in
 * silence may take until the next look at the groups and the one after it, and a busy machine a multiple of that.
 */
const patience = 60_000;

/** Writes, cuts and kills as the plan says, waits until all is quiet, and compares. */
export async function runPlan(plan: Plan, program: ConsumerProgram): Promise<RunReport> {
  const began = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "concordat-loss-run-"));
  try {
    await using slapd = await startSlapd({
      sessionLog: plan.sessionLog,
      refint: plan.refint,
      ldif: firstLdif(),
    });
    const random = new Random(plan.seed);
    await using proxy = await CuttingProxy.start(slapd.url, random.fork());
    await using run = new Run(plan, program, slapd, proxy, folder);
    const report = await run.run(random);
    // What is needed to understand a difference is kept.
    if (report.differences.length === 0) await rm(folder, { recursive: true });
    return { ...report, took: performance.now() - began };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

class Run implements AsyncDisposable {
  readonly #plan: Plan;
  readonly #slapd: Slapd;
  readonly #proxy: CuttingProxy;
  readonly #consumer: KillableProgram;
  readonly #database: string;
  readonly #journal: string;
  readonly #log = new WriteLog();
  #restarts = 0;

  constructor(
    plan: Plan,
    program: ConsumerProgram,
    slapd: Slapd,
    proxy: CuttingProxy,
    folder: string,
  ) {
    this.#plan = plan;
    this.#slapd = slapd;
    this.#proxy = proxy;
    this.#database = join(folder, "application.sqlite");
    this.#journal = join(folder, "journal.ndjson");
    this.#consumer = new KillableProgram(program.path, {
      url: proxy.url,
      base: suffix,
      bindDn: slapd.adminDn,
      password: slapd.password,
      database: this.#database,
      journal: this.#journal,
      transactions: plan.transactions,
      onDelete: plan.onDelete,
      dangling: plan.refint ? "keep" : "drop",
      // Refint tells nobody what it rewrites, so only a look at all groups can find some of it. While connections are cut,
      // hardly any lasts long enough for one: it comes when all is quiet, and hides nothing that was lost otherwise.
      reconcileEvery: plan.refint ? 2_500 : 0,
    } satisfies ConsumerOptions);
  }

  async run(random: Random): Promise<Omit<RunReport, "took">> {
    await addLocalAccounts(this.#database);
    this.#consumer.start();
    await this.#catchUp("first");
    await this.#consumer.kill();
    const local = await addLocalMemberships(this.#database);
    this.#consumer.start();

    const writing = Array.from(
      { length: writers },
      (_, index) => new Writer(index, this.#slapd, random.fork(), this.#log),
    );
    let differences: readonly Difference[] = [];
    let caughtUpIn = 0;
    const passing: string[] = [];
    for (const [round, events] of this.#planEvents(random).entries()) {
      const pace = round % 2 === 0 ? "varied" : "together";
      await this.#disturb(events, writing, pace, random.fork());
      caughtUpIn = Math.max(caughtUpIn, await this.#catchUp(`round ${round}`));
      const before = await this.#compare(local, Date.now());
      passing.push(...before.map(({ text }) => text));
      differences = before.length === 0 ? [] : await this.#compare(local, Date.now() + patience);
      if (differences.length > 0) break;
    }
    const journal = new Journal(this.#journal);
    return {
      ...journal.figures,
      differences,
      passing,
      history: differences.length === 0 ? "" : this.#explain(differences, journal),
      writes: this.#log.confirmed,
      kills: this.#consumer.kills,
      cuts: this.#proxy.cuts,
      restarts: this.#restarts,
      caughtUpIn,
    };
  }

  /**
   * Who is killed in each round: consumers and the server in every other round. In the rounds between connections are cut and
   * nothing else, while all write together: a consumer that was away for long, or a server with an empty session log, needs
   * a refresh by presence, which would repair what one from the log had lost.
   */
  #planEvents(random: Random): readonly (readonly ("consumer" | "server")[])[] {
    const { rounds, kills, restarts } = this.#plan;
    const events = random.shuffled([
      ...Array.from({ length: kills }, () => "consumer" as const),
      ...Array.from({ length: restarts }, () => "server" as const),
    ]);
    const share = Math.ceil(events.length / Math.ceil(rounds / 2));
    return Array.from({ length: rounds }, (_, round) =>
      round % 2 === 0 ? events.slice((round / 2) * share, (round / 2 + 1) * share) : [],
    );
  }

  /** Everybody writes while the consumer and the server are killed at random moments, and connections are cut by themselves. */
  async #disturb(
    events: readonly ("consumer" | "server")[],
    writing: readonly Writer[],
    pace: Pace,
    random: Random,
  ): Promise<void> {
    const cuts = this.#proxy.cuts + Math.ceil(this.#plan.cuts / this.#plan.rounds);
    const stop = new AbortController();
    this.#proxy.begin();
    const disturbing = async (): Promise<void> => {
      for (const event of events) {
        if (stop.signal.aborted) return;
        // A consumer whose server is away does not begin to read.
        await Promise.race([this.#consumer.untilItWorks(), sleep(3_000)]);
        this.#consumer.check();
        // Often in the middle of a refresh, and as often when the consumer follows live changes.
        await sleep(random.chance(0.5) ? random.between(0, 100) : random.between(0, 1_200));
        await (event === "consumer" ? this.#restartConsumer() : this.#restartServer(random));
      }
      while (this.#proxy.cuts < cuts && !stop.signal.aborted) await sleep(50);
    };
    const actors = [disturbing(), ...writing.map((writer) => writer.run(pace, stop.signal))];
    // Whoever ends first, or fails, ends the others.
    await Promise.all(actors.map((actor) => actor.finally(() => stop.abort())));
    this.#proxy.calm();
  }

  async #restartConsumer(): Promise<void> {
    await this.#consumer.kill();
    this.#consumer.start();
  }

  async #restartServer(random: Random): Promise<void> {
    await this.#slapd.stop("SIGKILL");
    await sleep(random.between(0, 300));
    await this.#slapd.start();
    this.#restarts += 1;
  }

  /** Writes one thing more and waits until the consumer has that and all before it. @returns how long that took, in milliseconds. */
  async #catchUp(title: string): Promise<number> {
    const began = performance.now();
    const client = await bound(this.#slapd);
    try {
      const modification = new Attribute({ type: "title", values: [title] });
      const change = new Change({ operation: "replace", modification });
      await client.modify(personDn(stayingName(0), 0), change);
      const newest = await readContextCsn(client);
      while (readCheckpoint(this.#database) < newest) {
        this.#consumer.check();
        if (performance.now() - began > patience)
          throw new Error("The consumer does not catch up.");
        await sleep(20);
      }
      // Memberships may be settled after the checkpoint: what is left to do is marked. Whatever stays so is a difference.
      const deadline = performance.now() + 5_000;
      while (readApplication(this.#database).unfinished.length > 0) {
        if (performance.now() > deadline) break;
        await sleep(20);
      }
      return performance.now() - began;
    } finally {
      await client.unbind();
    }
  }

  /** Compares until there is no difference, or until it is too late. */
  async #compare(local: LocalContent, deadline: number): Promise<readonly Difference[]> {
    const client = await bound(this.#slapd);
    try {
      for (; ; await sleep(100)) {
        const directory = await readDirectory(client);
        const unchanged = directory.filter(({ mark }) => /^(stays|shared)-/.test(mark));
        const differences = [
          ...new Journal(this.#journal).removalsOf(new Set(unchanged.map(({ id }) => id))),
          ...differencesOf({
            directory,
            application: readApplication(this.#database),
            local,
            localRows: readLocalRows(this.#database),
            onDelete: this.#plan.onDelete,
            keepsDangling: this.#plan.refint,
            namesByMark: this.#log.namesByMark,
          }),
        ];
        if (differences.length === 0 || Date.now() >= deadline) return differences;
      }
    } finally {
      await client.unbind();
    }
  }

  #explain(differences: readonly Difference[], journal: Journal): string {
    const parts: string[] = [];
    for (const { text, entries } of differences.slice(0, 5)) {
      const names = [...text.matchAll(/(?:p|g)\d\.\d+|[wg]\d-\d+|shared-\w+-\d|stays-\d+/g)];
      const lines = entries.flatMap((entry) => journal.historyOf(entry, 30));
      const sought = new Set(names.map(([name]) => name));
      for (const name of sought) {
        const notes = this.#log.notes.filter((note) =>
          new RegExp(`${name.replace(".", "\\.")}(?!\\d)`).test(note.text),
        );
        for (const { at, writer, text, result } of notes.slice(-30)) {
          lines.push({ at, text: `writer ${writer}: ${text}: ${result}` });
        }
      }
      lines.sort((one, other) => one.at - other.at);
      const distinct = [...new Set(lines.map(({ at, text }) => `  ${at % 1e7} ${text}`))];
      parts.push([text, ...distinct].join("\n"));
    }
    return [`The journal is ${this.#journal}.`, ...parts].join("\n\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer[Symbol.asyncDispose]();
  }
}
