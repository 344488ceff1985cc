import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Client } from "ldapts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InstalledPackage, installPackage } from "../../installed-package.js";
import { describeWithSamba, type Samba, startSamba } from "../../integration/samba.js";
import { KillableProgram } from "../../killable-program.js";
import { readApplication } from "../application.js";
import { CuttingProxy } from "../cutting-proxy.js";
import { Random } from "../random.js";
import type { ConsumerOptions } from "./consumer.ts";
import { differencesOf, parts, readDirectory } from "./content.js";
import { type Deeds, DomainWriter, type Tree } from "./writer.js";

const writers = 6;

// `CONCORDAT_SEED` names the seeds to run in full; `CONCORDAT_SEEDS` says how many to choose at random.
const { CONCORDAT_SEED: named, CONCORDAT_SEEDS: count } = process.env;
const seeds =
  named?.split(",").map(Number) ??
  Array.from({ length: Number(count ?? 1) }, () =>
    count === undefined ? 7 : randomInt(1_000_000),
  );
const isLong = named !== undefined || count !== undefined;
const wanted = isLong ? 300 : 60;
/**
 * How long the application may take to come to what the directory says once all is quiet, in milliseconds: of a long
 * run, which is one beside other work, for as long as it cannot be a matter of the machine.
 */
const patience = isLong ? 300_000 : 60_000;

describeWithSamba("after any faults the application equals the domain", () => {
  let samba: Samba;
  let installed: InstalledPackage;
  let program: string;
  beforeAll(async () => {
    samba = await startSamba();
    installed = await installPackage();
    program = join(installed.application, "consumer.ts");
    await cp(fileURLToPath(new URL("consumer.ts", import.meta.url)), program);
  }, 600_000);
  afterAll(async () => {
    await samba?.[Symbol.asyncDispose]();
    await installed?.[Symbol.asyncDispose]();
  });

  test.each(seeds)(
    "seed %i",
    async (seed) => {
      const random = new Random(seed);
      const folder = await mkdtemp(join(tmpdir(), "concordat-loss-ad-"));
      const tree = await plant(samba);
      // Also when it fails, so that the next seed begins with nothing.
      await using _uprooting = { [Symbol.asyncDispose]: () => uproot(samba, tree) };
      await using proxy = await CuttingProxy.start(samba.url, random.fork(), 4_000);
      const options: ConsumerOptions = {
        url: proxy.url,
        base: [tree.company, tree.more],
        bindDn: samba.reader.dn,
        password: samba.reader.password,
        database: join(folder, "application.sqlite"),
        journal: join(folder, "journal.ndjson"),
        transactions: random.chance(0.5),
        onDelete: random.chance(0.5) ? "delete" : "deactivate",
      };
      await using consumer = new KillableProgram(program, options);
      consumer.start();
      await consumer.untilItWorks();

      const deeds: Deeds = new Map();
      const shared = await addSharedGroups(samba, tree);
      const stop = new AbortController();
      const writing = Array.from({ length: writers }, (_, index) =>
        new DomainWriter(index, () => samba.client(), tree, shared, random.fork(), deeds).run(
          stop.signal,
        ),
      );
      const rest = async () => {
        stop.abort();
        await Promise.all(writing);
      };
      await using _resting = { [Symbol.asyncDispose]: rest };
      const disturbing = random.fork();
      // Without a first refresh there is nothing to resume from.
      await untilItFollows(options.journal);
      proxy.begin();
      for (let turn = 1; connectionsIn(options.journal) < wanted; turn++) {
        // Without its server none begins to read.
        await Promise.race([consumer.untilItWorks(), sleep(5_000)]);
        // Often in the middle of a refresh, and as often when it follows.
        await sleep(disturbing.between(0, disturbing.chance(0.5) ? 200 : 1_500));
        if (disturbing.chance(0.08)) {
          await consumer.kill();
          // Deletions, moves and all else go on without a consumer.
          await sleep(disturbing.between(0, 600));
          consumer.start();
        }
        if (turn % 20 === 0) {
          await samba.stop("SIGKILL");
          await samba.start();
        }
      }
      proxy.calm();
      // The last connection is made before the last writes, so that these come by what it follows. A cut that was on
      // its way may still end one.
      let connections: number;
      do {
        await untilItFollows(options.journal);
        connections = connectionsIn(options.journal);
        await sleep(1_000);
      } while (connectionsIn(options.journal) !== connections);
      await sleep(1_000);
      await rest();

      const client = await samba.client();
      const directory = await readDirectory(client, samba.suffix);
      const deadline = Date.now() + patience;
      let differences: readonly string[];
      do {
        await sleep(100);
        consumer.check();
        differences = differencesOf(directory, readApplication(options.database), options.onDelete);
      } while (differences.length > 0 && Date.now() < deadline);
      expect(connectionsIn(options.journal), "the last connection").toBe(connections);
      const text = [...deeds].map(([deed, times]) => `${deed} ${times}`).join(", ");
      const counts = `${connections} connections, ${directory.size} entries, ${consumer.kills} kills`;
      console.info(`seed ${seed}: ${differences.length} differences, ${counts}, ${text}`);
      expect(differences, options.journal).toEqual([]);
      await client.unbind();
      await rm(folder, { recursive: true });
    },
    1_800_000,
  );
});

/** Makes the units in which everything happens. */
async function plant(samba: Samba): Promise<Tree> {
  const client = await samba.client();
  const [company = "", more = ""] = parts.map((part) => `${part},${samba.suffix}`);
  const outside = `OU=outside,${samba.suffix}`;
  for (const dn of [company, more, outside]) {
    await client.add(dn, { objectClass: "organizationalUnit" });
  }
  await client.unbind();
  return { company, more, outside };
}

async function uproot(samba: Samba, { company, more, outside }: Tree): Promise<void> {
  const client = await samba.client();
  // A group that is somebody's primary one is not deleted, and neither is what something is below.
  const isLater = "(|(objectClass=group)(objectClass=organizationalUnit))";
  for (const filter of [`(!${isLater})`, isLater]) {
    const dns: string[] = [];
    for (const top of [company, more, outside]) {
      const { searchEntries } = await client.search(top, { filter, attributes: ["1.1"] });
      dns.push(...searchEntries.map(({ dn }) => dn));
    }
    for (const dn of dns.sort((one, other) => depthOf(other) - depthOf(one))) await client.del(dn);
  }
  await client.unbind();
}

function depthOf(dn: string): number {
  return dn.split(",").length;
}

/** Groups of which all writers change the members; the last is outside of what is followed. */
async function addSharedGroups(samba: Samba, tree: Tree): Promise<readonly string[]> {
  const client: Client = await samba.client();
  const groups: string[] = [];
  for (const [index, parent] of [tree.company, tree.company, tree.more, tree.outside].entries()) {
    const dn = `CN=shared${index},${parent}`;
    await client.add(dn, { objectClass: "group", sAMAccountName: `shared${index}` });
    groups.push(dn);
  }
  await client.unbind();
  return groups;
}

interface Line {
  readonly event?: { readonly event: string };
}

function linesOf(journal: string): readonly Line[] {
  const lines = readFileSync(journal, "utf8").split("\n").slice(0, -1);
  return lines.filter((line) => line.includes('"event":"')).map((line) => JSON.parse(line));
}

function connectionsIn(journal: string): number {
  return linesOf(journal).filter(({ event }) => event?.event === "connected").length;
}

/** Until the last connection has brought the content up to date. */
async function untilItFollows(journal: string): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    const events = linesOf(journal).map(({ event }) => event?.event);
    const isRefreshed = events.lastIndexOf("refreshed") > events.lastIndexOf("connected");
    if (isRefreshed && events.at(-1) !== "reconnecting") return;
    if (Date.now() > deadline) throw new Error("It does not come to follow the directory.");
    await sleep(50);
  }
}
