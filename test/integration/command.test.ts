import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, type Run, type RunningProgram } from "../examples/installed-example.js";
import { type InstalledPackage, installPackage } from "../installed-package.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

/** A configuration as the guides have it. */
const configuration = `
import { defineConfig, secret } from "concordat/cli";
import { createTables, KyselyConsumerRepository, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { inspectDirectory, type WatchOptions, watchDirectory } from "concordat/ldap";
import { Kysely } from "kysely";

const directory: WatchOptions = {
  url: secret.env("LDAP_URL"),
  base: "dc=example,dc=com",
  bind: { method: "simple", dn: "cn=admin,dc=example,dc=com", password: secret.env("LDAP_PASSWORD") },
  allowCleartext: true,
};
const db = new Kysely<never>({ dialect: nodeSqliteDialect({ path: secret.env("DATABASE") }) });
await createTables(db);

export default defineConfig({
  sync: {
    stream: watchDirectory(directory),
    checkSource: () => inspectDirectory(directory),
    target: kyselyTarget({ db }),
    options: { maxDeletes: 5, ...(process.argv.includes("--standby") && { standby: { lease: 2_000 } }) },
  },
  consumers: new KyselyConsumerRepository(db),
  close: () => db.destroy(),
});
`;

describeWithSlapd("the command with a real slapd", () => {
  let installed: InstalledPackage;
  let slapd: Slapd;
  beforeAll(async () => {
    installed = await installPackage();
    await writeFile(join(installed.application, "concordat.config.ts"), configuration);
    slapd = await startSlapd();
    for (let index = 0; index < 20; index++) await addPerson(`person${index}`);
    await addGroup("staff", ["person0", "person1"]);
  }, 60_000);
  afterAll(async () => {
    await slapd?.[Symbol.asyncDispose]();
    await installed?.[Symbol.asyncDispose]();
  });

  const dnOf = (uid: string) => `uid=${uid},ou=people,${slapd.suffix}`;
  const databaseFile = () => join(installed.directory, "application.sqlite");

  async function addPerson(uid: string): Promise<void> {
    const client = await slapd.client();
    await client.add(dnOf(uid), { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
  }

  async function addGroup(cn: string, members: readonly string[]): Promise<void> {
    const client = await slapd.client();
    const member = members.map(dnOf);
    await client.add(`cn=${cn},ou=groups,${slapd.suffix}`, {
      objectClass: "groupOfNames",
      cn,
      member,
    });
  }

  function start(...args: readonly string[]): RunningProgram {
    const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
    const env = { DATABASE: databaseFile(), LDAP_URL: slapd.url, LDAP_PASSWORD: slapd.password };
    const config = join(installed.application, "concordat.config.ts");
    return launch(process.execPath, [main, "--config", config, ...args], installed.directory, {
      env,
    });
  }

  async function concordat(...args: readonly string[]): Promise<Run> {
    return await start(...args).ended;
  }

  function users(): readonly string[] {
    using db = new DatabaseSync(databaseFile());
    const rows = db
      .prepare("select user_name from concordat_user where active = 1 order by 1")
      .all();
    return rows.map((row) => String(row["user_name"]));
  }

  test("leads from a check and a plan to a database that follows the directory, and ends with 0", async () => {
    const checked = await concordat("check");
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    expect(checked.stdout).toContain("ok      source: OpenLDAP, by openldap: ");
    expect(checked.stdout).toMatch(
      /^ok +source: There are \d+ entries, and no limit keeps any back\.$/m,
    );
    expect(checked.stdout).toContain("the source was never followed");

    const planned = await concordat("plan");
    expect(planned).toMatchObject({ code: 0, stderr: "" });
    expect(planned.stdout).toContain("created  user person0");
    expect(planned.stdout).toContain("added    person1 to staff");
    expect(planned.stdout).toContain("In all: 21 created, 2 memberAdded.");
    expect(users()).toEqual([]);

    const running = start("sync");
    await running.until(/added +person1 to staff/);
    await addPerson("nora");
    await running.until(/created +user nora/);
    expect(users()).toContain("nora");
    running.process.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });

    const state = await concordat("status");
    expect(state.stdout).toContain("21 users, 1 group");
    expect(state.stdout).toContain("0 refused");
    const { checkpoint } = JSON.parse((await concordat("status", "--json")).stdout);
    expect(checkpoint).toBeTypeOf("string");
  });

  test("stands by while another process is at work, and takes its place when that is killed", async () => {
    const first = start("sync", "--standby");
    await first.until(/this process is at work now/);
    const next = start("sync", "--standby");
    await next.until(/standing by/);
    await addPerson("paul");
    await first.until(/created +user paul/);
    first.process.kill("SIGKILL");
    await first.ended;
    await addPerson("quin");
    await next.until(/created +user quin/);
    next.process.kill("SIGTERM");
    const { code, stdout, stderr } = await next.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /standing by[\s\S]*this process is at work now[\s\S]*created +user quin/,
    );
    const client = await slapd.client();
    for (const uid of ["paul", "quin"]) await client.del(dnOf(uid));
    expect((await concordat("sync", "--once")).code).toBe(0);
  });

  test("says whether the source is ahead, and shows what is stored where the source cannot be asked", async () => {
    expect((await concordat("sync", "--once")).code).toBe(0);
    expect((await concordat("status")).stdout).toContain("the source has changed nothing since\n");
    await addPerson("olga");
    const time = "\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z";
    expect((await concordat("status")).stdout).toMatch(
      new RegExp(
        `the source has changes since ${time}, the last at ${time}, of whichever entries\n`,
      ),
    );
    const { lag } = JSON.parse((await concordat("status", "--json")).stdout);
    expect(lag).toMatchObject({ known: true, isAhead: true });
    expect(lag.changedAt).toBeGreaterThan(lag.readUntil);

    const config = join(installed.application, "concordat.config.ts");
    const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
    const args = [main, "--config", config, "status"];
    const env = { DATABASE: databaseFile(), LDAP_URL: slapd.url, LDAP_PASSWORD: "an old one" };
    const locked = await launch(process.execPath, args, installed.directory, { env }).ended;
    expect(locked.code).toBe(0);
    expect(locked.stdout).toContain("21 users, 1 group");
    expect(locked.stdout).toMatch(/how far the source is ahead is not known: .+/);
    expect(locked.stdout).not.toContain("an old one");
  });

  test("takes no more away than it may, until exactly that is accepted", async () => {
    const client = await slapd.client();
    for (let index = 10; index < 17; index++) await client.del(dnOf(`person${index}`));
    const stopped = await concordat("sync", "--once");
    expect(stopped.code).toBe(3);
    expect(stopped.stderr).toContain("maxDeletes allows 5");
    expect(users()).toContain("person10");

    const planned = await concordat("plan");
    expect(planned.code).toBe(3);
    expect(planned.stdout).toContain("user person10 is no longer in the source");
    const digest = /concordat accept ([0-9a-f]{32})/.exec(planned.stdout)?.[1] ?? "";

    // One more asks again.
    await client.del(dnOf("person17"));
    const refused = await concordat("accept", digest);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("user person17 is no longer in the source");
    expect(users()).toContain("person10");

    const next = /concordat accept ([0-9a-f]{32})/.exec(refused.stderr)?.[1] ?? "";
    const accepted = await concordat("accept", next);
    expect(accepted).toMatchObject({ code: 0, stderr: "" });
    expect(users().filter((name) => /^person1[0-7]$/.test(name))).toEqual([]);
    expect((await concordat("sync", "--once")).code).toBe(0);
  });

  test("shows what was refused with its reason, and tries it again when told to", async () => {
    {
      using db = new DatabaseSync(databaseFile());
      db.exec(
        `create trigger no_zoe before insert on concordat_user when new.user_name = 'zoe'
          begin select raise(abort, 'zoe is reserved'); end`,
      );
    }
    await addPerson("zoe");
    const refused = await concordat("sync", "--once");
    expect(refused.code).toBe(0);
    expect(refused.stdout).toContain("deferred user zoe: ");
    const listed = await concordat("status");
    expect(listed.stdout).toContain("1 refused");
    expect(listed.stdout).toContain("zoe is reserved");
    {
      using db = new DatabaseSync(databaseFile());
      db.exec("drop trigger no_zoe");
    }
    const retried = await concordat("retry");
    expect(retried).toMatchObject({ code: 0, stderr: "", stdout: "created  user zoe\n" });
    expect(users()).toContain("zoe");
  });

  test("records what the directory says, which only its owner can read, and applies it elsewhere", async () => {
    const file = join(installed.directory, "trace.ndjson");
    const traced = await concordat("trace", "--once", "-o", file);
    expect(traced.code).toBe(0);
    expect((await stat(file)).mode & 0o077).toBe(0);
    expect(await readFile(file, "utf8")).not.toContain(slapd.password);

    const before = users();
    const other = join(installed.directory, "other.sqlite");
    const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
    const config = join(installed.application, "concordat.config.ts");
    const env = { DATABASE: other, LDAP_URL: "ldap://127.0.0.1:9", LDAP_PASSWORD: "none" };
    const args = [main, "--config", config, "replay", file];
    const replayed = await launch(process.execPath, args, installed.directory, { env }).ended;
    expect(replayed.code).toBe(0);
    using db = new DatabaseSync(other);
    const names = db
      .prepare("select user_name from concordat_user where active = 1 order by 1")
      .all();
    expect(names.map((row) => row["user_name"])).toEqual(before);
  });

  test("has everything read anew", async () => {
    {
      using db = new DatabaseSync(databaseFile());
      db.exec(
        "update concordat_user set display_name = 'Somebody', version = version + 1 where user_name = 'nora'",
      );
    }
    expect((await concordat("refresh")).code).toBe(0);
    expect((await concordat("status")).stdout).toContain("the next run reads everything");
    const again = await concordat("sync", "--once");
    expect(again.stdout).toContain("everything is read");
  });

  test("makes consumers of a sign-on server with the settings of django-simple-sso, and shows no secret again", async () => {
    const site = "https://wiki.example.com/";
    const made = await concordat(
      ...[
        "consumer",
        "create",
        "Wiki",
        "--redirect",
        site,
        "--endpoint",
        "https://sso.example.com/",
      ],
    );
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const secret = /SSO_PRIVATE_KEY = "(.{64})"/.exec(made.stdout)?.[1] ?? "";
    const key = /SSO_PUBLIC_KEY = "(.{64})"/.exec(made.stdout)?.[1] ?? "";
    expect(made.stdout).toContain('SSO_SERVER = "https://sso.example.com/"');
    const listed = await concordat("consumer", "list");
    expect(listed.stdout).toContain(`${key}  Wiki (simple-sso)`);
    expect(listed.stdout).not.toContain(secret);
    const rotated = await concordat("consumer", "rotate", key, "--leaked");
    expect(rotated.stdout).not.toContain(secret);
    expect((await concordat("consumer", "revoke", key)).code).toBe(0);
    expect((await concordat("consumer", "list")).stdout).toContain("(simple-sso, revoked)");
  });

  test("writes what the README shows", async () => {
    const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
    const shown = /^```\n(\$ concordat plan\n.*?)^```$/ms.exec(readme)?.[1] ?? "";
    await using small = await startSlapd();
    const client = await small.client();
    for (const uid of ["ada", "grace"]) {
      const dn = `uid=${uid},ou=people,${small.suffix}`;
      await client.add(dn, { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
    }
    await client.add(`cn=engineers,ou=groups,${small.suffix}`, {
      objectClass: "groupOfNames",
      cn: "engineers",
      member: `uid=ada,ou=people,${small.suffix}`,
    });
    const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
    const config = join(installed.application, "concordat.config.ts");
    const database = join(installed.directory, "readme.sqlite");
    const env = { DATABASE: database, LDAP_URL: small.url, LDAP_PASSWORD: small.password };
    let written = "";
    for (const [, command = ""] of shown.matchAll(/^\$ concordat (.*)$/gm)) {
      const args = [main, "--config", config, ...command.split(" ")];
      const { stdout } = await launch(process.execPath, args, installed.directory, { env }).ended;
      written += `$ concordat ${command}\n${stdout}`;
    }
    expect(written.replace(/127\.0\.0\.1:\d+/, "ldap.example.com")).toBe(shown);
  });

  test("says what is missing at either end", async () => {
    const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
    const config = join(installed.application, "concordat.config.ts");
    const args = [main, "--config", config, "check"];
    const checkedWith = async (env: Readonly<Record<string, string>>) =>
      await launch(process.execPath, args, installed.directory, { env }).ended;
    const env = { DATABASE: databaseFile(), LDAP_URL: slapd.url, LDAP_PASSWORD: slapd.password };
    const wrong = await checkedWith({ ...env, LDAP_PASSWORD: "not the password" });
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/failed +source: /);
    expect(wrong.stdout + wrong.stderr).not.toContain("not the password");
    const { LDAP_URL: _, ...unset } = env;
    expect(await checkedWith(unset)).toMatchObject({
      code: 2,
      stderr: "Set the environment variable LDAP_URL.\n",
    });
  });
});
