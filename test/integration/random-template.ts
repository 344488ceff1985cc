import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { launch, type RunningProgram } from "../examples/installed-example.js";
import { type InstalledPackage, installPackage } from "../installed-package.js";
import { inOrder, type PersonRow, RandomDirectory, randomNumbers } from "./random-directory.js";
import { startSlapd } from "./slapd.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const operations = 200;

/** A template that was copied by `concordat init`, beside the package as it is installed. */
export interface CopiedTemplate extends AsyncDisposable {
  readonly installed: InstalledPackage;
  readonly folder: string;
  /** Runs the command in the folder. */
  concordat(env: Readonly<Record<string, string>>, ...args: readonly string[]): RunningProgram;
}

/** Copies a template, and lets all of ten people leave: of so few, it is not too much when three do. */
export async function copyTemplate(name: string): Promise<CopiedTemplate> {
  const installed = await installPackage();
  await symlink(
    join(repository, "examples"),
    join(installed.application, "node_modules/concordat/examples"),
  );
  const folder = join(installed.application, "copied");
  await mkdir(folder);
  const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
  const concordat: CopiedTemplate["concordat"] = (env, ...args) =>
    launch(process.execPath, [main, ...args], folder, { env });
  expect(await concordat({}, "init", name, folder).ended).toMatchObject({ code: 0 });
  const config = join(folder, "concordat.config.ts");
  const written = await readFile(config, "utf8");
  const lenient = written.replace(/maxDeletes: .*,/, "maxDeletes: Number.POSITIVE_INFINITY,");
  expect(lenient).not.toBe(written);
  await writeFile(config, lenient);
  return {
    installed,
    folder,
    concordat,
    [Symbol.asyncDispose]: () => installed[Symbol.asyncDispose](),
  };
}

/** An application that changes are made in. */
export interface RandomApplication {
  /** What the template needs in its environment beside the directory. */
  readonly env: Readonly<Record<string, string>>;
  /** Breaks what is in use: the application, a bridge, or connections. It works again once this is done. */
  kill(sync: RunningProgram): Promise<void>;
  /** Who can sign in, as the application itself says it. */
  people(): Promise<readonly PersonRow[]>;
}

/** What the template does not keep, or cannot do. */
export interface RandomOptions {
  readonly seed: number;
  readonly renamesGroups: boolean;
  /** Whether the application has names of people (`cn`). */
  readonly keepsNames: boolean;
}

/**
 * Makes 200 random changes in a real slapd, and kills the command and the application now and then. At the end the
 * application equals the directory.
 */
export async function expectEqualAfterRandomChanges(
  template: CopiedTemplate,
  application: RandomApplication,
  { seed, renamesGroups, keepsNames }: RandomOptions,
): Promise<void> {
  // Without `refint`: a member who leaves the base and comes back is missing until all groups are read again where that
  // overlay rewrites the group without telling (docs/guarantees.md). What the directory says of members is compared.
  await using slapd = await startSlapd();
  const client = await slapd.client();
  const random = randomNumbers(seed);
  const directory = new RandomDirectory(client, slapd.suffix, random, { renamesGroups });
  await directory.begin();
  const env = {
    ...application.env,
    LDAP_URL: slapd.url,
    LDAP_BASE: directory.base,
    LDAP_BIND_DN: slapd.adminDn,
    LDAP_PASSWORD: slapd.password,
  };
  let sync = template.concordat(env, "sync");
  const kills = randomNumbers(seed + 1_000);
  try {
    for (let number = 0; number < operations; number++) {
      await directory.change();
      await sleep(kills(60));
      const dice = kills(40);
      if (dice === 0) {
        sync.process.kill("SIGKILL");
        await sync.ended;
        sync = template.concordat(env, "sync");
      } else if (dice <= 2) await application.kill(sync);
    }
  } finally {
    sync.process.kill("SIGKILL");
    await sync.ended;
  }
  // What was refused while it was not possible is tried now, and not in some minutes.
  await template.concordat(env, "retry").ended;
  const last = await template.concordat(env, "sync", "--once").ended;
  expect(last.code, last.stderr).toBe(0);
  const status = await template.concordat(env, "status").ended;
  const expected = await directory.expected();
  expect(expected.length).toBeGreaterThan(0);
  const rows = keepsNames ? expected : expected.map((row) => ({ ...row, cn: undefined }));
  expect(inOrder(await application.people()), status.stdout).toEqual(inOrder(rows));
}
