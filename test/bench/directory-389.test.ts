import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { ChangeBatch, ChangeStream } from "concordat/changes";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { watchDirectory } from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { describe, expect, test } from "vitest";
import { change } from "../integration/following.js";
import { type NsSlapd, readingAci, startNsSlapd } from "../integration/ns-slapd.js";

// `CONCORDAT_BENCH=1 npm test -- test/bench/directory-389.test.ts` prints figures; it is left out otherwise.
const isWanted = process.env["CONCORDAT_BENCH"] === "1";
const people = 10_000;
const runs = 5;
const modifications = 200;
const suffix = "dc=example,dc=com";
const base = `ou=people,${suffix}`;
const person = (index: number) => `uid=user${index},${base}`;

function content(): string {
  const entries = Array.from({ length: people }, (_, index) => {
    const uid = `user${index}`;
    const names = `uid: ${uid}\ncn: Person ${index}\nsn: ${index}\nmail: ${uid}@example.com`;
    return `dn: ${person(index)}\nobjectClass: inetOrgPerson\n${names}\n`;
  });
  const top = `dn: ${suffix}\nobjectClass: domain\ndc: example\n${readingAci}\n`;
  const unit = `dn: ${base}\nobjectClass: organizationalUnit\nou: people\n`;
  return [top, unit, ...entries].join("\n");
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ readonly took: number; readonly result: T }> {
  const began = performance.now();
  const result = await work();
  return { took: performance.now() - began, result };
}

function median(times: readonly number[]): number {
  return [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)] ?? Number.NaN;
}

function directoryOf({ url, readerDn, readerPassword }: NsSlapd, dialect: string) {
  return watchDirectory({
    url,
    base,
    dialect,
    bind: { method: "simple", dn: readerDn, password: readerPassword },
    allowCleartext: true,
    reconcileEvery: false,
    parentClasses: false,
    // None of the entries that were loaded counts as new.
    now: () => Date.now() + 3_600_000,
  });
}

function ldapsearchOf({ url, readerDn, readerPassword }: NsSlapd): readonly string[] {
  const bound = ["-x", "-H", url, "-D", readerDn, "-w", readerPassword, "-b", base];
  return [...bound, "-LLL", "-o", "ldif-wrap=no", "(objectClass=inetOrgPerson)"];
}

async function ldapsearch(server: NsSlapd, ...others: readonly string[]): Promise<void> {
  await promisify(execFile)("ldapsearch", [...ldapsearchOf(server), ...others], {
    maxBuffer: 1e9,
  });
}

async function readAll(stream: ChangeStream, after?: string): Promise<ChangeBatch> {
  let last: ChangeBatch | undefined;
  for await (const batch of stream.read({ ...(after && { after }), follow: false })) last = batch;
  if (last === undefined) throw new Error("There was no batch.");
  return last;
}

async function storeAll(stream: ChangeStream): Promise<void> {
  await using database = await openDatabase();
  const once = { ...stream, read: () => stream.read({ follow: false }) };
  for await (const _ of synchronize(once, kyselyTarget({ db: database.db }))) {
    // All of it is wanted.
  }
}

async function openDatabase(): Promise<AsyncDisposable & { readonly db: Kysely<unknown> }> {
  const folder = await mkdtemp(join(tmpdir(), "concordat-bench-"));
  const dialect = nodeSqliteDialect({ path: join(folder, "application.sqlite") });
  const db = new Kysely<unknown>({ dialect });
  await createTables(db);
  return {
    db,
    async [Symbol.asyncDispose]() {
      await db.destroy();
      await rm(folder, { recursive: true });
    },
  };
}

/** Something that follows the directory: it says each title that has arrived. */
type Follower = (arrived: (title: string) => void) => AsyncDisposable;

/** How long it takes from sending a modification to its arrival. */
async function delays(
  follow: Follower,
  retitle: (index: number, title: string) => Promise<void>,
): Promise<readonly number[]> {
  const awaited = new Map<string, () => void>();
  await using _follower = follow((title) => {
    awaited.get(title)?.();
    awaited.delete(title);
  });
  const arrival = (title: string) =>
    new Promise<void>((resolve) => {
      awaited.set(title, resolve);
    });
  const run = crypto.randomUUID().slice(0, 8);
  // Until it follows, which is when this has arrived, a refresh may report it.
  for (let count = 0; count < 3; count++) {
    const settled = arrival(`${run} settled ${count}`);
    await retitle(2, `${run} settled ${count}`);
    await settled;
  }
  const times: number[] = [];
  for (let count = 0; count < modifications; count++) {
    const title = `${run} ${count}`;
    const arrived = arrival(title);
    const { took } = await timed(async () => {
      await retitle(3 + count, title);
      await arrived;
    });
    times.push(took);
  }
  return times;
}

/** `ldapsearch` itself, which prints what it is sent. */
function bySearch(server: NsSlapd): Follower {
  return (arrived) => {
    const args = ["-oL", "ldapsearch", ...ldapsearchOf(server), "-E", "sync=rp"];
    const child = spawn("stdbuf", args, { stdio: ["ignore", "pipe", "inherit"] });
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("title: ")) arrived(line.slice("title: ".length));
    });
    return {
      async [Symbol.asyncDispose]() {
        child.kill();
      },
    };
  };
}

/** A consumer of the stream, which puts it into a database if there is one. */
function byStream(stream: ChangeStream, after: string | undefined, db?: Kysely<unknown>): Follower {
  return (arrived) => {
    const stop = new AbortController();
    const { signal } = stop;
    const run = async () => {
      const titles: string[] = [];
      const read = async function* (): AsyncGenerator<ChangeBatch> {
        for await (const batch of stream.read({ signal, ...(after && { after }) })) {
          for (const one of batch.changes) {
            if (one.kind === "upsert" && one.type === "User") titles.push(one.resource.title ?? "");
          }
          if (db === undefined) for (const title of titles.splice(0)) arrived(title);
          yield batch;
          // It is asked for more once the batch is committed.
          for (const title of titles.splice(0)) arrived(title);
        }
      };
      if (db !== undefined) {
        const observed = { ...stream, read };
        for await (const _ of synchronize(observed, kyselyTarget({ db }), { signal }));
      } else for await (const _ of read());
    };
    const running = run().catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return {
      async [Symbol.asyncDispose]() {
        stop.abort(new Error("measured"));
        await running;
      },
    };
  };
}

describe.runIf(isWanted)("figures of a 389 Directory Server", () => {
  test.each(["389ds", "freeipa"] as const)(
    "read as %s",
    async (dialect) => {
      const changelog = dialect === "freeipa" ? { changelogOf: [`cn=dns,${suffix}`] } : {};
      await using server = await startNsSlapd({ ldif: content(), usn: true, ...changelog });
      const client = await server.client();
      const directory = directoryOf(server, dialect);
      const figures = new Map<string, number[]>();
      const note = (name: string, ...times: readonly number[]): void => {
        figures.set(name, [...(figures.get(name) ?? []), ...times]);
      };
      const retitle = (index: number, title: string) =>
        change(client, person(index), "replace", "title", title);
      // What was loaded has the number 0, and a resume goes back over 50: as on any server, there were more changes since.
      for (let count = 0; count < 100; count++) await retitle(0, `before ${count}`);
      let checkpoint: string | undefined;
      for (let run = 0; run < runs; run++) {
        const search = await timed(() => ldapsearch(server, "-E", "sync=ro"));
        note("ldapsearch, all", search.took);
        const full = await timed(() => readAll(directory));
        note("full refresh into changes", full.took);
        note("the same into SQLite", (await timed(() => storeAll(directory))).took);
        note("ldapsearch, names", (await timed(() => ldapsearch(server, "uid"))).took);
        checkpoint = full.result.checkpoint;
        await retitle(1, `run ${run}`);
        note("resume into changes", (await timed(() => readAll(directory, checkpoint))).took);
      }
      note("delay to ldapsearch", ...(await delays(bySearch(server), retitle)));
      note("delay to the change", ...(await delays(byStream(directory, checkpoint), retitle)));
      await using database = await openDatabase();
      const toRow = byStream(directory, undefined, database.db);
      note("delay to the row", ...(await delays(toRow, retitle)));
      const lines = [...figures].map(([name, times]) => `${name} ${median(times).toFixed(1)} ms`);
      console.info(`${dialect}, ${people} people: ${lines.join(", ")}`);
      expect(lines).toHaveLength(8);
    },
    600_000,
  );
});
