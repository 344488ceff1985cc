import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, Change } from "ldapts";
import {
  addLocalAccounts,
  addLocalMemberships,
  type LocalContent,
  readApplication,
  readCheckpoint,
  readLocalRows,
  readTitle,
} from "./application.js";
import type { ConsumerOptions } from "./consumer.js";
import type { ConsumerProgram } from "./consumer-program.js";
import { Deployment } from "./deployment.js";
import { type Difference, differencesOf } from "./differences.js";
import { readContextCsns, readDirectory } from "./directory-content.js";
import { Disturbance } from "./disturbance.js";
import { type Figures, Journal } from "./journal.js";
import { bound, WriteLog } from "./logged-client.js";
import { company, stayingName, writers } from "./names.js";
import type { Plan, Step } from "./plan.js";
import { Random } from "./random.js";
import { Runners } from "./runners.js";
import { stayingDn, Units } from "./units.js";
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
  /** Processes that were killed. */
  readonly kills: number;
  /** Processes that ended because another one had begun. */
  readonly superseded: number;
  readonly cuts: number;
  /** How often each step of the plan was done. */
  readonly steps: ReadonlyMap<Step, number>;
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
  // What is needed to understand a failure is kept.
  const random = new Random(plan.seed);
  await using directory = await Deployment.start(plan, random.fork());
  await using run = new Run(plan, program, directory, folder, random);
  const report = await run.run(random);
  if (report.differences.length === 0) await rm(folder, { recursive: true });
  return { ...report, took: performance.now() - began };
}

class Run implements AsyncDisposable {
  readonly #plan: Plan;
  readonly #directory: Deployment;
  readonly #runners: Runners;
  readonly #units = new Units();
  readonly #disturbance: Disturbance;
  readonly #database: string;
  readonly #journal: string;
  readonly #log = new WriteLog();

  constructor(
    plan: Plan,
    program: ConsumerProgram,
    directory: Deployment,
    folder: string,
    random: Random,
  ) {
    this.#plan = plan;
    this.#directory = directory;
    this.#database = join(folder, "application.sqlite");
    this.#journal = join(folder, "journal.ndjson");
    const { main, urls } = directory;
    const options: ConsumerOptions = {
      urls,
      base: company,
      bindDn: main.adminDn,
      password: main.password,
      database: this.#database,
      journal: this.#journal,
      transactions: plan.transactions,
      onDelete: plan.onDelete,
      dangling: plan.refint ? "keep" : "drop",
      // Refint tells nobody what it rewrites, and a server whose clock was set back not all that it wrote meanwhile, so only a look
      // at all groups, or all names, can find some of it. While connections are cut, hardly any lasts long enough for one: it comes
      // when all is quiet, and hides nothing that was lost otherwise.
      reconcileEvery: plan.refint || plan.clock ? 2_500 : 0,
    };
    this.#runners = new Runners(program.path, options, plan.standbys ? 2 : 0);
    this.#disturbance = new Disturbance(
      { directory, runners: this.#runners, units: this.#units, database: this.#database },
      random.fork(),
    );
  }

  async run(random: Random): Promise<Omit<RunReport, "took">> {
    await addLocalAccounts(this.#database);
    // Where two begin, they do so with an application that has nothing of the directory yet.
    this.#runners.start(random.chance(0.5) ? 2 : 1);
    const behind = await this.#catchUp("first");
    if (behind.length > 0) throw new Error(behind.join("\n"));
    await this.#runners.kill();
    const local = await addLocalMemberships(this.#database);
    this.#runners.start();

    const writing = Array.from(
      { length: writers },
      (_, index) => new Writer(index, this.#directory.main, this.#units, random.fork(), this.#log),
    );
    let differences: readonly Difference[] = [];
    let caughtUpIn = 0;
    const passing: string[] = [];
    for (const [round, steps] of Disturbance.plan(this.#plan, random).entries()) {
      const pace = round % 2 === 0 ? "varied" : "together";
      await this.#disturb(steps, writing, pace, random.fork());
      await this.#directory.areEqual(patience);
      const began = performance.now();
      const behind = await this.#catchUp(`round ${round}`);
      caughtUpIn = Math.max(caughtUpIn, performance.now() - began);
      const before = await this.#compare(local, Date.now());
      passing.push(...before.map(({ text }) => text));
      differences = before.length === 0 ? [] : await this.#compare(local, Date.now() + patience);
      if (differences.length > 0) break;
      if (behind.length > 0) throw new Error(behind.join("\n"));
      this.#directory.changeMain();
    }
    const journal = new Journal(this.#journal);
    return {
      ...journal.figures,
      differences,
      passing,
      history: differences.length === 0 ? "" : this.#explain(differences, journal),
      writes: this.#log.confirmed,
      kills: this.#runners.kills,
      superseded: this.#runners.superseded,
      cuts: this.#directory.cuts,
      steps: this.#disturbance.done,
      caughtUpIn,
    };
  }

  /** Everybody writes while the steps are done at random moments, and connections are cut by themselves. */
  async #disturb(
    steps: readonly Step[],
    writing: readonly Writer[],
    pace: Pace,
    random: Random,
  ): Promise<void> {
    const directory = this.#directory;
    const cuts = directory.cuts + Math.ceil(this.#plan.cuts / this.#plan.rounds);
    const stop = new AbortController();
    directory.begin();
    const disturbing = async (): Promise<void> => {
      for (const step of steps) {
        if (stop.signal.aborted) return;
        await this.#runners.untilItWorks();
        // Often in the middle of a refresh, and as often when the consumer follows live changes.
        await sleep(random.chance(0.5) ? random.between(0, 100) : random.between(0, 1_200));
        await this.#disturbance.do(step);
      }
      directory.catchUp();
      while (directory.cuts < cuts && !stop.signal.aborted) await sleep(50);
    };
    const { main } = directory;
    const actors = [disturbing(), ...writing.map((writer) => writer.run(main, pace, stop.signal))];
    // Whoever ends first, or fails, ends the others.
    await Promise.all(actors.map((actor) => actor.finally(() => stop.abort())));
    directory.calm();
  }

  /**
   * Writes one thing more and waits until the consumer has that and all before it, and until no other one is left.
   *
   * @returns what has not come after all.
   */
  async #catchUp(title: string): Promise<readonly string[]> {
    const deadline = Date.now() + patience;
    const client = await bound(this.#directory.main);
    try {
      for (let attempt = 0; ; attempt++) {
        const written = `${title}.${attempt}`;
        const modification = new Attribute({ type: "title", values: [written] });
        await client.modify(stayingDn(0), new Change({ operation: "replace", modification }));
        const newest = await readContextCsns(client);
        // A process that had all of it before another one began learns of that with its next write only.
        const nextAt = Date.now() + 3_000;
        for (;;) {
          const behind = this.#whatIsBehind(written, newest);
          if (behind.length === 0) return [];
          if (Date.now() > deadline) return behind;
          if (Date.now() > nextAt && this.#runners.superfluous > 0) break;
          await sleep(20);
        }
      }
    } finally {
      await client.unbind();
    }
  }

  #whatIsBehind(title: string, newest: readonly string[]): readonly string[] {
    const covered = readCheckpoint(this.#database);
    const { superfluous } = this.#runners;
    return [
      ...(superfluous === 0 ? [] : [`${superfluous} processes more than one follow the stream`]),
      ...(isCovered(newest, covered)
        ? []
        : [`the checkpoint has ${covered} and the directory ${newest}`]),
      ...(readTitle(this.#database, stayingName(0)) === title ? [] : [`${title} has not come`]),
      // Memberships may be settled after the checkpoint: what is left to do is marked.
      ...readApplication(this.#database).unfinished,
    ];
  }

  /** Compares until there is no difference, or until it is too late. */
  async #compare(local: LocalContent, deadline: number): Promise<readonly Difference[]> {
    const client = await bound(this.#directory.main);
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
    await this.#runners[Symbol.asyncDispose]();
  }
}

/** Whether each number is covered by one of the same server. */
function isCovered(newest: readonly string[], covered: readonly string[]): boolean {
  const serverOf = (csn: string) => csn.split("#")[2];
  return newest.every((csn) =>
    covered.some((other) => serverOf(other) === serverOf(csn) && other >= csn),
  );
}
