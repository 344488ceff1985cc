import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import type { Page, Query } from "concordat/repositories";
import { startDirectory } from "concordat/testing/directory";
import { Kysely } from "kysely";
import { KillableProgram } from "../killable-program.js";
import { postgres } from "../kysely/databases.js";
import { type ApplicationContent, type Resource, readApplication } from "../loss/application.js";
import { CuttingProxy } from "../loss/cutting-proxy.js";
import { type Difference, differencesOf } from "../loss/differences.js";
import { readDirectory } from "../loss/directory-content.js";
import { firstLdif } from "../loss/first-ldif.js";
import { type Access, bound, WriteLog } from "../loss/logged-client.js";
import { company } from "../loss/names.js";
import { Random } from "../loss/random.js";
import { Units } from "../loss/units.js";
import { Writer } from "../loss/writer.js";
import type { ConsumerOptions } from "./directory-to-scim-consumer.js";
import type { Programs } from "./directory-to-scim-programs.js";
import type { ProviderOptions } from "./directory-to-scim-provider.js";
import { slapdIsInstalled, startSlapd } from "./slapd.js";

/** What happens in a run. Everything in it follows from the seed. */
export interface Plan {
  readonly seed: number;
  /** How often all that is written comes to rest and is compared. */
  readonly rounds: number;
  /** How often each of the two processes is killed in a round. */
  readonly kills: number;
  /** How often connections are cut in a round, at the least. */
  readonly cuts: number;
  readonly onDelete: "deactivate" | "delete";
  readonly database: "PostgreSQL" | "SQLite";
  readonly directory: "slapd" | "in the process";
}

/** The plan of a seed, with what there is on this machine. */
export function planFor(seed: number, extent: Pick<Plan, "rounds" | "kills" | "cuts">): Plan {
  return {
    ...extent,
    seed,
    onDelete: seed % 2 === 0 ? "deactivate" : "delete",
    database: postgres.missing === undefined && seed % 4 < 2 ? "PostgreSQL" : "SQLite",
    directory: slapdIsInstalled && seed % 4 > 0 ? "slapd" : "in the process",
  };
}

/** The plan in one line, for reports. */
export function describePlan({ seed, directory, database, onDelete }: Plan): string {
  return `seed ${seed} · directory ${directory} · ${database} · ${onDelete}`;
}

/** What a run has shown. */
export interface RunReport {
  readonly differences: readonly Difference[];
  /** Writes that the directory confirmed. */
  readonly writes: number;
  readonly consumerKills: number;
  readonly providerKills: number;
  readonly directoryCuts: number;
  readonly providerCuts: number;
  readonly users: number;
  readonly memberships: number;
  /** The longest that it took to catch up after the last write of a round, in milliseconds. */
  readonly caughtUpIn: number;
}

const token = "h480djs93hd8";
/** How many clients write to the directory at a time. */
const writerCount = 4;
/** How long the provider may take to become what the directory is, in milliseconds. */
const patience = 30_000;

/** Writes, cuts and kills as the plan says, waits until all is quiet, and compares. */
export async function runPlan(plan: Plan, programs: Programs): Promise<RunReport> {
  const random = new Random(plan.seed);
  await using folder = await temporaryFolder();
  await using directory = await startDirectoryOf(plan);
  await using store = await startStore(plan, folder.path);
  const port = await freePort();
  await using ldapProxy = await CuttingProxy.start(directory.url, random.fork());
  await using httpProxy = await CuttingProxy.start(`http://127.0.0.1:${port}`, random.fork());
  await using provider = new KillableProgram(programs.provider, {
    port,
    token,
    database: store.database,
  } satisfies ProviderOptions);
  const links = join(folder.path, "links.sqlite");
  await using consumer = new KillableProgram(programs.consumer, {
    directory: ldapProxy.url,
    base: company,
    bindDn: directory.adminDn,
    password: directory.password,
    provider: `http://127.0.0.1:${new URL(httpProxy.url).port}/scim/v2`,
    token,
    database: links,
    onDelete: plan.onDelete,
  } satisfies ConsumerOptions);
  provider.start();
  await provider.untilItWorks();
  consumer.start();
  await consumer.untilItWorks();
  const run: Run = {
    ...{ plan, random, directory, store, links, provider, consumer },
    proxies: [ldapProxy, httpProxy],
    log: new WriteLog(),
  };
  const units = new Units();
  const writing = Array.from(
    { length: writerCount },
    (_, index) => new Writer(index, directory, units, random.fork(), run.log),
  );
  let last: Comparison | undefined;
  let caughtUpIn = 0;
  for (let round = 0; round < plan.rounds; round++) {
    await disturb(run, writing);
    last = await compareUntilEqual(run);
    caughtUpIn = Math.max(caughtUpIn, last.took);
    if (last.differences.length > 0) break;
  }
  const { resources = [], members = new Map() } = last?.content ?? {};
  return {
    differences: last?.differences ?? [],
    writes: run.log.confirmed,
    consumerKills: consumer.kills,
    providerKills: provider.kills,
    directoryCuts: ldapProxy.cuts,
    providerCuts: httpProxy.cuts,
    users: resources.filter(({ type }) => type === "User").length,
    memberships: [...members.values()].reduce((sum, { size }) => sum + size, 0),
    caughtUpIn: Math.round(caughtUpIn),
  };
}

/** Everything that takes part in a run. */
interface Run {
  readonly plan: Plan;
  readonly random: Random;
  readonly directory: Access;
  readonly store: Store;
  /** The consumer's own database. */
  readonly links: string;
  readonly provider: KillableProgram;
  readonly consumer: KillableProgram;
  readonly proxies: readonly CuttingProxy[];
  readonly log: WriteLog;
}

/** Everybody writes while both processes are killed at random moments, and connections are cut by themselves. */
async function disturb(run: Run, writing: readonly Writer[]): Promise<void> {
  const { plan, random, proxies, consumer, provider } = run;
  const cuts = Math.ceil(plan.cuts / proxies.length);
  const goals = proxies.map((proxy) => ({ proxy, cuts: proxy.cuts + cuts }));
  for (const proxy of proxies) proxy.begin();
  const killing = async (): Promise<void> => {
    const each = Array.from({ length: plan.kills }, () => [provider, consumer]);
    for (const program of random.shuffled(each.flat())) {
      // While a consumer waits for a provider that has just been started, there is nothing to interrupt.
      await Promise.race([consumer.untilItWorks(), sleep(2_000)]);
      await sleep(random.between(0, 600));
      await program.kill();
      await sleep(random.between(0, 100));
      program.start();
    }
    while (goals.some((goal) => goal.proxy.cuts < goal.cuts)) await sleep(50);
  };
  const stop = new AbortController();
  const actors = [
    killing(),
    ...writing.map((writer) => writer.run(run.directory, "varied", stop.signal)),
  ];
  // Whoever ends first, or fails, ends the others.
  await Promise.all(actors.map((actor) => actor.finally(() => stop.abort())));
  for (const proxy of proxies) proxy.calm();
}

interface Comparison {
  readonly differences: readonly Difference[];
  readonly content: ApplicationContent;
  /** In milliseconds. */
  readonly took: number;
}

/** Compares until there is no difference, or until it is too late. */
async function compareUntilEqual(run: Run): Promise<Comparison> {
  const { plan, directory, store, links, log } = run;
  const began = performance.now();
  const client = await bound(directory);
  try {
    for (; ; await sleep(100)) {
      run.provider.check();
      run.consumer.check();
      const content = await store.content(links);
      const differences = differencesOf({
        directory: await readDirectory(client),
        application: content,
        local: { rows: [], memberships: [] },
        localRows: [],
        onDelete: plan.onDelete,
        keepsDangling: false,
        namesByMark: log.namesByMark,
      });
      const took = performance.now() - began;
      if (differences.length === 0 || took > patience) return { differences, content, took };
    }
  } finally {
    await client.unbind();
  }
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "concordat-scim-run-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function startDirectoryOf(plan: Plan): Promise<Access & AsyncDisposable> {
  return plan.directory === "slapd"
    ? await startSlapd({ ldif: firstLdif() })
    : await startDirectory({ entries: firstLdif() });
}

/** The database of the service provider, as its own process and this one reach it. */
interface Store extends AsyncDisposable {
  readonly database: ProviderOptions["database"];
  /** What is in it, and what the consumer has still to do about it, by the consumer's own database. */
  content(links: string): Promise<ApplicationContent>;
}

async function startStore(plan: Plan, folder: string): Promise<Store> {
  if (plan.database === "SQLite") {
    const path = join(folder, "provider.sqlite");
    return storeOn({ path }, new Kysely({ dialect: nodeSqliteDialect({ path }) }), async () => {});
  }
  const server = await postgres.server();
  const schema = `provider_${crypto.randomUUID().slice(0, 8)}`;
  await server.create(schema);
  const db = new Kysely<unknown>({ dialect: server.dialect(schema, { connections: 1 }) });
  const host = dirname(server.socket);
  return storeOn({ host, schema }, db, () => server.drop(schema));
}

function storeOn(
  database: Store["database"],
  db: Kysely<unknown>,
  drop: () => Promise<void>,
): Store {
  const { users, groups } = kyselyTarget({ db });
  return {
    database,
    async content(links) {
      const { unfinished, refused, adopted } = readApplication(links);
      const resources: Resource[] = [];
      const members = new Map<string, Set<string>>();
      for (const user of await allOf((query) => users.find(query))) {
        const { id, externalId = null, userName, displayName = "", title = "", active } = user;
        const attributes = { userName, displayName, title, active: active !== false };
        resources.push({ id, type: "User", externalId, attributes });
      }
      // With their members, since a group that is read in two steps may be gone before the second.
      const all =
        groups && (await allOf((query) => groups.find(query, { attributes: ["members"] })));
      for (const { id, externalId = null, displayName, members: those = [] } of all ?? []) {
        resources.push({ id, type: "Group", externalId, attributes: { displayName } });
        members.set(id, new Set(those.map(({ value }) => value)));
      }
      return { resources, members, unfinished, refused, adopted };
    },
    async [Symbol.asyncDispose]() {
      await db.destroy();
      await drop();
    },
  };
}

async function allOf<T>(find: (query: Query) => Promise<Page<T>>): Promise<readonly T[]> {
  const all: T[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page: Page<T> = await find({ cursor });
    all.push(...page.resources);
    cursor = page.nextCursor;
  }
  return all;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
