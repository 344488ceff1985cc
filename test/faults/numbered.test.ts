import { UnavailableError } from "concordat";
import { inetOrgPerson, profile, watchDirectory } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { Random } from "../loss/random.js";
import type { Target } from "../sync/stores.js";
import { mortal, ProcessEnded } from "./mortal.js";
import { company, groups, NumberedWorld, people } from "./numbered-world.js";

const runs = Number(process.env["CONCORDAT_RUNS"] ?? 40);
const firstSeed = Number(process.env["CONCORDAT_SEED"] ?? 1);

const lockable = profile({
  extends: inetOrgPerson,
  user: {
    active: {
      reads: ["nsAccountLock"],
      value: (entry) => entry.text("nsAccountLock")?.toLowerCase() !== "true",
    },
  },
});

test.concurrent.each(["389ds", "freeipa"] as const)(
  `after ${runs} random runs with a directory of the kind %s the application equals it`,
  async (kind) => {
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      expect(await runOnce(kind, seed), `CONCORDAT_SEED=${seed}`).toEqual([]);
    }
  },
  7_200_000,
);

/** Changes a directory while an application follows it, which crashes. @returns what differs in the end. */
async function runOnce(kind: "389ds" | "freeipa", seed: number): Promise<readonly string[]> {
  const random = new Random(seed);
  // Lists read entries whole that are new; with a clock that is behind, none is.
  const age = random.chance(0.5) ? 0 : 3_600_000;
  await using directory = await startDirectory({
    kind,
    refint: "replicated",
    now: () => new Date(Date.now() - age),
  });
  const world = new NumberedWorld(directory, random.fork());
  const batchSize = random.between(1, 4);
  const base = random.chance(0.5) ? company : [people, groups];
  const target = inMemoryTarget({ transactions: random.chance(0.5) }) as Target;
  const follow = (
    mode: "refreshOnly" | "refreshAndPersist",
    into: Target,
    signal?: AbortSignal,
  ): ReturnType<typeof synchronize> =>
    synchronize(
      watchDirectory({
        url: directory.url,
        source: "directory",
        base,
        profile: lockable,
        filter: "(!(employeeType=left))",
        mode,
        reconcileEvery: false,
        batchSize,
        allowCleartext: true,
        sleep: () => new Promise((resolve) => setImmediate(resolve)),
        bind: { method: "simple", dn: directory.adminDn, password: directory.password },
      }),
      into,
      {
        onDelete: "delete",
        dangling: "drop",
        maxDeletes: Number.POSITIVE_INFINITY,
        maxCleared: Number.POSITIVE_INFINITY,
        outages: { attempts: 50, delay: 1, maxDelay: 1 },
        ...(signal && { signal }),
      },
    );

  for (let round = random.between(2, 5); round > 0; round--) {
    world.change(random.between(1, 8));
    await goWrong(directory, world, random);
    const stop = new AbortController();
    const isLive = random.chance(0.6);
    // Where nothing is left to be reported, nothing else ends it.
    const timer = setTimeout(() => stop.abort(new Error("enough")), isLive ? 60 : 60_000);
    let life = random.chance(0.4) ? random.between(0, 40) : Number.POSITIVE_INFINITY;
    const process = mortal(target, {
      beforeWrite: () => {
        if (random.chance(0.02)) throw new UnavailableError("The store cannot answer now.");
      },
      endsAt: () => life-- <= 0,
    });
    try {
      for await (const { kind } of follow(
        isLive ? "refreshAndPersist" : "refreshOnly",
        process,
        stop.signal,
      )) {
        if (random.chance(0.25)) world.change(1);
        if (isLive && kind === "checkpoint" && random.chance(0.5)) stop.abort(new Error("enough"));
        if (isLive && kind === "checkpoint") world.change(1);
      }
    } catch (error) {
      if (!stop.signal.aborted && !(error instanceof ProcessEnded)) throw error;
    } finally {
      clearTimeout(timer);
    }
  }
  directory.faults.clear();
  for await (const _ of follow("refreshOnly", target)) {
    // The last one brings everything up to date, from where the others had stopped.
  }
  return await differencesOf(world, target, [base].flat());
}

/** Plans what goes wrong with the directory, or between it and its reader. */
async function goWrong(directory: Directory, world: NumberedWorld, random: Random): Promise<void> {
  const { faults } = directory;
  if (random.chance(0.3)) {
    const of = random.pick(["all", "refresh", "live"] as const) ?? "all";
    faults.dropConnection({ of, afterMessages: random.between(0, 25) });
  }
  if (random.chance(0.1)) faults.refuseResume();
  if (random.chance(0.15)) faults.trimSessionLog(random.between(0, 3));
  if (random.chance(0.1)) await directory.restart({ keepSessionLog: random.chance(0.7) });
  if (random.chance(0.3)) faults.duringRefresh(() => world.change(1), random.between(0, 4));
  if (random.chance(0.3)) faults.undo(() => world.change(1));
}

async function differencesOf(
  world: NumberedWorld,
  target: Target,
  bases: readonly string[],
): Promise<readonly string[]> {
  const expected = world.content(bases);
  const found: string[] = [];
  const sources = new Map<string, string>();
  const users = (await target.users.find({})).resources;
  const all = (await target.groups.find({})).resources;
  for (const { id, externalId = "" } of [...users, ...all]) sources.set(id, externalId);
  for (const { externalId, userName, title, active } of users) {
    found.push(`${externalId} ${userName} ${title} ${active}`);
  }
  for (const { id, externalId, displayName } of all) {
    const page = await target.groups.members(id, { count: 1_000 });
    const members = page.members.map(({ value }) => sources.get(value) ?? value);
    found.push(`${externalId} ${displayName} ${members.sort().join(" ")}`);
  }
  const [wanted, has] = [new Set(expected), new Set(found)];
  return [
    ...expected.filter((line) => !has.has(line)).map((line) => `- ${line}`),
    ...found.filter((line) => !wanted.has(line)).map((line) => `+ ${line}`),
  ];
}
