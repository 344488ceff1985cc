import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, Change } from "ldapts";
import { type ApplicationContent, createApplication, readApplication } from "../application.js";
import type { ConsumerProgram } from "../consumer-program.js";
import { CuttingProxy } from "../cutting-proxy.js";
import { type Figures, Journal } from "../journal.js";
import { bound, WriteLog } from "../logged-client.js";
import { Random } from "../random.js";
import { Runners } from "../runners.js";
import type { ExpectedContent, LossDirectory, LossKind } from "./loss-directory.js";
import { ReaderWriter, readerWriters, sharedGroups } from "./reader-writer.js";

/** What is done in a run. Everything else follows from the seed. */
export interface ReaderPlan {
  readonly seed: number;
  /** How often the connection is cut, at the least. */
  readonly cuts: number;
  readonly consumerKills: number;
  readonly serverKills: number;
}

/** What a run has shown. */
export interface ReaderReport extends Figures {
  readonly differences: readonly string[];
  readonly history: string;
  readonly writes: number;
  readonly cuts: number;
  readonly kills: number;
  /** How many connections were made from before the last writes on: none, or a resume would have hidden something. */
  readonly lateConnections: number;
}

/** How long the consumer may take to have what was written once all is quiet, in milliseconds. */
const patience = 60_000;

/** How long is written after the last connection was made, in milliseconds. */
const lastWrites = 2_000;

/** Who stays, and whose title says how far the consumer is. */
const marked = "stays";

/** Writes, cuts and kills as the plan says, goes on writing after the last connection, and compares. */
export async function runReader(
  kind: LossKind,
  plan: ReaderPlan,
  program: ConsumerProgram,
): Promise<ReaderReport> {
  const folder = await mkdtemp(join(tmpdir(), "concordat-reader-run-"));
  await using directory = await kind.start();
  const random = new Random(plan.seed);
  await using proxy = await CuttingProxy.start(directory.url, random.fork());
  const run = new ReaderRun(directory, proxy, folder, random, program);
  await using runners = run.runners;
  const report = await run.run(plan);
  await runners[Symbol.asyncDispose]();
  // What is needed to understand a failure is kept.
  if (report.differences.length === 0) await rm(folder, { recursive: true });
  return report;
}

class ReaderRun {
  readonly runners: Runners;
  readonly #directory: LossDirectory;
  readonly #proxy: CuttingProxy;
  readonly #random: Random;
  readonly #database: string;
  readonly #journal: string;
  readonly #log = new WriteLog();

  constructor(
    directory: LossDirectory,
    proxy: CuttingProxy,
    folder: string,
    random: Random,
    program: ConsumerProgram,
  ) {
    this.#directory = directory;
    this.#proxy = proxy;
    this.#random = random;
    this.#database = join(folder, "application.sqlite");
    this.#journal = join(folder, "journal.ndjson");
    const { base, profile, reader } = directory;
    this.runners = new Runners(program.path, {
      urls: [proxy.url],
      base,
      profile,
      bindDn: reader.dn,
      password: reader.password,
      database: this.#database,
      journal: this.#journal,
      transactions: random.chance(0.5),
      onDelete: "delete",
      dangling: "drop",
      // A look at all names, or a comparison, would hide what was lost.
      reconcileEvery: 0,
    });
  }

  async run(plan: ReaderPlan): Promise<ReaderReport> {
    await this.#fill();
    await createApplication(this.#database);
    this.runners.start();
    await this.#catchUp("first");

    const writers = Array.from(
      { length: readerWriters },
      (_, index) => new ReaderWriter(index, this.#directory, this.#random.fork(), this.#log),
    );
    await this.#whileWriting(writers, (stop) => this.#disturb(plan, stop));
    for (let round = 1; ; round++) {
      const figures = new Journal(this.#journal).figures;
      const connections = this.#connections;
      await this.#leaveOneOfEachName();
      await this.#catchUp(`last ${round}`);
      const { differences, history } = await this.#compare();
      const lateConnections = this.#connections - connections;
      // On a busy machine, a connection may break by itself: then all write on, and it is looked at once more.
      if (lateConnections > 0 && differences.length === 0 && round < 5) {
        await this.#whileWriting(writers, () => this.#settle());
        continue;
      }
      return {
        ...figures,
        differences,
        history,
        writes: this.#log.confirmed,
        cuts: this.#proxy.cuts,
        kills: this.runners.kills,
        lateConnections,
      };
    }
  }

  /** Has all write until this is done. */
  async #whileWriting(
    writers: readonly ReaderWriter[],
    work: (stop: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const stop = new AbortController();
    const end = () => stop.abort();
    const writing = writers.map((writer) => writer.run(stop.signal).finally(end));
    await Promise.all([work(stop.signal).finally(end), ...writing]);
  }

  /**
   * Deletes all but one of the people of one name. A write whose result was lost may be done after its writer has
   * looked what there is, so that there are two, of which the application can have one only and refuses the other.
   */
  async #leaveOneOfEachName(): Promise<void> {
    const client = await bound(this.#directory.admin);
    try {
      const options = { filter: "(uid=*)", attributes: ["uid"] };
      const { searchEntries } = await client.search(this.#directory.base, options);
      for (const [, [, ...others]] of Map.groupBy(searchEntries, ({ uid }) => String(uid))) {
        for (const { dn } of others) await client.del(dn);
      }
    } finally {
      await client.unbind();
    }
  }

  /** Cuts and kills, and leaves all alone for a while in the end. */
  async #disturb(plan: ReaderPlan, stop: AbortSignal): Promise<void> {
    const random = this.#random.fork();
    const steps = random.shuffled([
      ...Array.from({ length: plan.consumerKills }, () => "consumer" as const),
      ...Array.from({ length: plan.serverKills }, () => "server" as const),
    ]);
    this.#proxy.begin();
    for (const [index, step] of steps.entries()) {
      const until = (plan.cuts * (index + 1)) / (steps.length + 1);
      while (this.#proxy.cuts < until && !stop.aborted) await this.#wait(20);
      if (stop.aborted) return;
      if (step === "consumer") {
        await this.runners.kill();
        await sleep(random.between(0, 500));
        this.runners.start();
      } else {
        await this.#directory.stop("SIGKILL");
        await sleep(random.between(0, 300));
        await this.#directory.start();
      }
    }
    while (this.#proxy.cuts < plan.cuts && !stop.aborted) await this.#wait(20);
    this.#proxy.calm();
    await this.#settle();
  }

  /** Has all write on for a while after the last connection was made. */
  async #settle(): Promise<void> {
    await this.#catchUp("calm");
    // What the last resume began with is over.
    await this.#untilChecked();
    await sleep(lastWrites);
  }

  /** Waits until what the last resume began with is over. */
  async #untilChecked(): Promise<void> {
    for (let before = -1; ; await sleep(1_000)) {
      const { lists } = new Journal(this.#journal);
      if (lists === before) return;
      before = lists;
    }
  }

  get #connections(): number {
    return new Journal(this.#journal).connections;
  }

  async #wait(milliseconds: number): Promise<void> {
    this.runners.check();
    await sleep(milliseconds);
  }

  async #fill(): Promise<void> {
    const { containers, admin } = this.#directory;
    const client = await bound(admin);
    try {
      await this.#directory.addPerson(client, marked, containers.inside[0] ?? "");
      for (let index = 0; index < sharedGroups; index++) {
        await this.#directory.addGroup(client, `shared-${index}`, []);
      }
    } finally {
      await client.unbind();
    }
  }

  /** Writes a title and waits until the consumer has it, and has nothing to do. */
  async #catchUp(title: string): Promise<void> {
    const deadline = Date.now() + patience;
    const client = await bound(this.#directory.admin);
    try {
      const dn = this.#directory.personDn(marked, this.#directory.containers.inside[0] ?? "");
      const modification = new Attribute({ type: "title", values: [title] });
      await client.modify(dn, new Change({ operation: "replace", modification }));
    } finally {
      await client.unbind();
    }
    for (;;) {
      this.runners.check();
      const { users, unfinished } = this.#read();
      if (users.get(marked)?.title === title && unfinished.length === 0) return;
      if (Date.now() > deadline) throw new Error(`"${title}" has not come. ${unfinished.join()}`);
      await sleep(20);
    }
  }

  #read(): ExpectedContent & { readonly unfinished: readonly string[] } {
    return contentOf(readApplication(this.#database));
  }

  /** Compares in both directions, until nothing differs or nothing more can come. */
  async #compare(): Promise<{ readonly differences: readonly string[]; readonly history: string }> {
    const client = await bound(this.#directory.admin);
    try {
      const deadline = Date.now() + 5_000;
      for (;;) {
        const [expected, actual] = [await this.#directory.read(client), this.#read()];
        const differences = differencesOf(expected, actual);
        if (differences.length === 0) return { differences, history: "" };
        if (Date.now() > deadline) return { differences, history: this.#explain(differences) };
        await sleep(100);
      }
    } finally {
      await client.unbind();
    }
  }

  #explain(differences: readonly string[]): string {
    const names = new Set(
      differences.flatMap((text) => text.match(/w\d-\d+|\w+-\d(?:-\d)?/g) ?? []),
    );
    const notes = this.#log.notes
      .filter(({ text }) => [...names].some((name) => new RegExp(`${name}(?!\\d)`).test(text)))
      .slice(-80)
      .map(({ at, writer, text, result }) => `  ${at % 1e7} writer ${writer}: ${text}: ${result}`);
    return [`The journal is ${this.#journal}.`, ...notes].join("\n");
  }
}

function contentOf({
  resources,
  members,
  unfinished,
}: ApplicationContent): ExpectedContent & { readonly unfinished: readonly string[] } {
  const users = new Map<string, { title: string; active: boolean }>();
  const groups = new Map<string, readonly string[]>();
  const nameOf = new Map(
    resources.map(({ id, attributes }) => [
      id,
      String(attributes["userName"] ?? attributes["displayName"]),
    ]),
  );
  for (const { id, type, attributes } of resources) {
    const name = nameOf.get(id) ?? id;
    if (type === "User") {
      const title = String(attributes["title"] ?? "");
      users.set(name, { title, active: attributes["active"] === true });
    } else
      groups.set(name, [...(members.get(id) ?? [])].map((one) => nameOf.get(one) ?? one).sort());
  }
  return { users, groups, unfinished };
}

function differencesOf(expected: ExpectedContent, actual: ExpectedContent): readonly string[] {
  const texts: string[] = [];
  for (const kind of ["users", "groups"] as const) {
    for (const name of new Set([...expected[kind].keys(), ...actual[kind].keys()])) {
      const [one, other] = [expected, actual].map((each) => JSON.stringify(each[kind].get(name)));
      if (one !== other) texts.push(`${name}: the directory has ${one}, the application ${other}`);
    }
  }
  return texts;
}
