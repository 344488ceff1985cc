import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ChangeBatch } from "concordat/changes";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { activeDirectory, watchDirectory } from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";
import { expect, test } from "vitest";
import { change } from "../integration/following.js";
import { describeWithSamba, startSamba } from "../integration/samba.js";

// `CONCORDAT_BENCH=1 npm test -- test/bench/active-directory.test.ts` prints figures; it is left out otherwise.
// `CONCORDAT_PEOPLE` says of how many people.
const isWanted = process.env["CONCORDAT_BENCH"] === "1";
const people = Number(process.env["CONCORDAT_PEOPLE"] ?? 2_000);
const runs = 5;
const modifications = 100;

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

describeWithSamba("figures of Active Directory", () => {
  test.runIf(isWanted)(
    "of Samba",
    async () => {
      await using samba = await startSamba();
      const client = await samba.client();
      const base = `OU=people,${samba.suffix}`;
      await client.add(base, { objectClass: "organizationalUnit" });
      const nameOf = (index: number) => `CN=user${index},${base}`;
      for (let index = 0; index < people; index++) {
        const mail = `user${index}@example.com`;
        const account = { objectClass: "user", userAccountControl: "544", mail };
        await client.add(nameOf(index), { ...account, sAMAccountName: `user${index}` });
      }
      const { url, reader } = samba;
      const directory = watchDirectory({
        url,
        base,
        profile: activeDirectory,
        bind: { method: "simple", ...reader },
        allowCleartext: true,
        reconcileEvery: false,
      });
      const read = async (after?: string): Promise<ChangeBatch> => {
        let last: ChangeBatch | undefined;
        for await (const batch of directory.read({ ...(after && { after }), follow: false }))
          last = batch;
        if (last === undefined) throw new Error("There was no batch.");
        return last;
      };
      const figures: Record<string, number[]> = {
        ...{ ldapsearch: [], full: [], resume: [], delay: [] },
        ...{ fullIntoSqlite: [], resumeIntoSqlite: [], row: [] },
      };
      let checkpoint: string | undefined;
      for (let run = 0; run < runs; run++) {
        const bound = ["-x", "-H", url, "-D", reader.dn, "-w", reader.password, "-LLL"];
        const search = ["-b", base, "-E", "pr=1000/noprompt", "(objectClass=user)"];
        const ldapsearch = () =>
          promisify(execFile)("ldapsearch", [...bound, ...search], { maxBuffer: 1e9 });
        figures["ldapsearch"]?.push((await timed(ldapsearch)).took);
        const full = await timed(() => read());
        figures["full"]?.push(full.took);
        checkpoint = full.result.checkpoint;
        await change(client, nameOf(1), "replace", "title", `run ${run}`);
        figures["resume"]?.push((await timed(() => read(checkpoint))).took);
      }
      const iterator = directory
        .read({ ...(checkpoint && { after: checkpoint }) })
        [Symbol.asyncIterator]();
      const until = async (title: string): Promise<void> => {
        for (;;) {
          const { value } = await iterator.next();
          const found = (value as ChangeBatch).changes.some(
            (one) => one.kind === "upsert" && JSON.stringify(one.resource).includes(title),
          );
          if (found) return;
        }
      };
      await change(client, nameOf(2), "replace", "title", "settled");
      await until("settled");
      for (let count = 0; count < modifications; count++) {
        const arrival = until(`title ${count}.`);
        const { took } = await timed(async () => {
          await change(client, nameOf(3 + count), "replace", "title", `title ${count}.`);
          await arrival;
        });
        figures["delay"]?.push(took);
      }
      await iterator.return?.();

      const folder = await mkdtemp(join(tmpdir(), "concordat-bench-"));
      const dialect = nodeSqliteDialect({ path: join(folder, "application.sqlite") });
      const db = new Kysely<unknown>({ dialect });
      await createTables(db);
      const target = kyselyTarget({ db });
      const bring = async () => {
        for await (const _outcome of synchronize(directory, target, { follow: false })) {
          // To the end.
        }
      };
      figures["fullIntoSqlite"]?.push((await timed(bring)).took);
      for (let run = 0; run < runs; run++) {
        await change(client, nameOf(1), "replace", "title", `row ${run}`);
        figures["resumeIntoSqlite"]?.push((await timed(bring)).took);
      }
      const outcomes = synchronize(directory, target);
      const untilCommitted = async (name: string): Promise<void> => {
        for (;;) {
          const { value } = await outcomes.next();
          if (value?.kind === "updated" && value.name === name) return;
        }
      };
      await change(client, nameOf(2), "replace", "title", "settled in a row");
      await untilCommitted("user2");
      for (let count = 0; count < modifications; count++) {
        const arrival = untilCommitted(`user${3 + count}`);
        const { took } = await timed(async () => {
          await change(client, nameOf(3 + count), "replace", "title", `row ${count}.`);
          await arrival;
        });
        figures["row"]?.push(took);
      }
      await outcomes.return?.();
      await db.destroy();
      await rm(folder, { recursive: true });
      await client.unbind();
      const lines = Object.entries(figures).map(
        ([name, times]) => `${name} ${median(times).toFixed(1)} ms`,
      );
      console.info(`${people} people: ${lines.join(", ")}`);
      expect(lines).toHaveLength(7);
    },
    1_200_000,
  );
});
