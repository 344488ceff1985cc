import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NoSuchObjectError } from "ldapts";
import { expect, test } from "vitest";
import { addPeople, change, Following, onEveryStore, person, suffix } from "./following.js";
import { clockIsMissing } from "./server-clock.js";
import { startSlapd } from "./slapd.js";

const source = fileURLToPath(new URL("late-refusal.c", import.meta.url));

onEveryStore(
  "a server that is not over with a write that it has refused",
  (open) => {
    test.each([1_000, 0])(
      "tells what was written meanwhile, and what was deleted by the next write at the latest (a session log of %i)",
      async (sessionLog) => {
        await using holdUp = await prepareHoldUp();
        await using store = await open();
        await using slapd = await startSlapd({ sessionLog, environment: holdUp.environment });
        const client = await slapd.client();
        await addPeople(client, ["u1", "u2", "u3"]);
        await using app = new Following(slapd, store.target);
        app.start();
        await app.becomes({ u1: "", u2: "", u3: "" });
        await app.stop();

        const state = async () => {
          const attributes = ["contextCSN"];
          const found = await client.search(suffix, { scope: "base", attributes });
          return found.searchEntries[0]?.["contextCSN"];
        };
        const before = await state();
        {
          await using _ = await holdUp.begin();
          const other = await slapd.client();
          await expect(other.del(person("nobody"))).rejects.toThrow(NoSuchObjectError);
          await client.del(person("u1"));
          await change(client, person("u2"), "replace", "title", "Boss");
        }
        app.start();
        await expect
          .poll(() => app.content(), { timeout: 20_000 })
          .toMatchObject({ u2: "Boss", u3: "" });
        const write = async () => {
          await change(client, person("u3"), "replace", "title", "Clerk");
          return await state();
        };
        await expect.poll(write, { timeout: 20_000 }).not.toBe(before);
        await app.becomes({ u1: "disabled", u2: "Boss", u3: "Clerk" });
        expect(app.restarts).toBe(0);
      },
    );
  },
  clockIsMissing,
);

/** Holds up a server that is started with its environment, from when it has refused a delete. */
interface HoldUp extends AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>;
  /** Until it is disposed of. */
  begin(): Promise<AsyncDisposable>;
}

async function prepareHoldUp(): Promise<HoldUp> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-late-"));
  const library = join(directory, "late-refusal.so");
  const file = join(directory, "held-up");
  const options = ["-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source, "-ldl"];
  await promisify(execFile)("/usr/bin/cc", options);
  return {
    environment: { LD_PRELOAD: library, CONCORDAT_HELD_UP_BY: file },
    async begin() {
      await writeFile(file, "");
      return { [Symbol.asyncDispose]: () => rm(file) };
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
