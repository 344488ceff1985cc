import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Attribute, Change } from "ldapts";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { launch, type RunningProgram } from "../examples/installed-example.js";
import { type InstalledPackage, installPackage } from "../installed-package.js";
import {
  installWiki,
  missingMediaWiki,
  serveWiki,
  type Wiki,
  type WikiServer,
  type Wikis,
} from "./mediawiki.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

// A wiki takes its time where other tests have the cores.
vi.setConfig({ testTimeout: 60_000 });

const repository = fileURLToPath(new URL("../..", import.meta.url));
const remoteUser = fileURLToPath(new URL("mediawiki-remote-user.php", import.meta.url));
const executablePath = "/usr/bin/chromium";

/** What api.php says of an account. */
interface Account {
  readonly userid?: number;
  readonly name: string;
  readonly missing?: boolean;
  readonly groups?: readonly string[];
  readonly blockedby?: string;
  readonly blockexpiry?: string;
}

describeWithSlapd(
  "the template for MediaWiki with a real wiki and a real slapd",
  () => {
    let installed: InstalledPackage;
    let template: string;
    let wikis: Wikis;
    let slapd: Slapd;
    let wiki: Wiki;
    let server: WikiServer;
    let sync: RunningProgram;

    beforeAll(async () => {
      [installed, wikis, slapd] = await Promise.all([
        installPackage(),
        installWiki(`require ${JSON.stringify(remoteUser)};\n`),
        startSlapd(),
      ]);
      await symlink(
        join(repository, "examples"),
        join(installed.application, "node_modules/concordat/examples"),
      );
      template = join(installed.application, "copied");
      await mkdir(template);
      wiki = await wikis.copy();
      server = await serveWiki(wiki);
      expect(await concordat("init", "mediawiki", template).ended).toMatchObject({ code: 0 });
      const client = await slapd.client();
      for (const ou of [`ou=wiki,${slapd.suffix}`, people(), groups(), left()]) {
        const name = /^ou=(\w+)/.exec(ou)?.[1] ?? "";
        await client.add(ou, { objectClass: "organizationalUnit", ou: name });
      }
      sync = concordat("sync");
    }, 90_000);
    afterAll(async () => {
      sync?.process.kill("SIGKILL");
      await server?.[Symbol.asyncDispose]();
      await slapd?.[Symbol.asyncDispose]();
      await wikis?.[Symbol.asyncDispose]();
      await installed?.[Symbol.asyncDispose]();
    });

    const people = () => `ou=people,ou=wiki,${slapd.suffix}`;
    const groups = () => `ou=groups,ou=wiki,${slapd.suffix}`;
    const left = () => `ou=left,${slapd.suffix}`;
    const dnOf = (uid: string, ou = people()) => `uid=${uid},${ou}`;
    const groupDn = (cn: string) => `cn=${cn},${groups()}`;

    /** Settings that differ from those of the first runs. */
    let settings: Readonly<Record<string, string>> = {};

    function concordat(...args: readonly string[]): RunningProgram {
      const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
      const env = {
        ...wiki.env,
        STATE_FILE: join(wiki.data, "state.sqlite"),
        LDAP_URL: slapd.url,
        LDAP_BASE: `ou=wiki,${slapd.suffix}`,
        LDAP_BIND_DN: slapd.adminDn,
        LDAP_PASSWORD: slapd.password,
        ...settings,
      };
      return launch(process.execPath, [main, ...args], template, { env });
    }

    async function addPerson(uid: string, more: Record<string, string> = {}): Promise<void> {
      const client = await slapd.client();
      const entry = { objectClass: "inetOrgPerson", uid, cn: `${uid} of the directory`, sn: uid };
      await client.add(dnOf(uid), { ...entry, ...more });
    }

    async function addGroup(cn: string, ...uids: readonly string[]): Promise<void> {
      const client = await slapd.client();
      const member = uids.map((uid) => dnOf(uid));
      await client.add(groupDn(cn), { objectClass: "groupOfNames", cn, member });
    }

    async function change(
      dn: string,
      operation: "add" | "delete" | "replace",
      type: string,
      ...values: readonly string[]
    ): Promise<void> {
      const client = await slapd.client();
      const modification = new Attribute({ type, values: [...values] });
      await client.modify(dn, new Change({ operation, modification }));
    }

    async function accountsNamed(...names: readonly string[]): Promise<readonly Account[]> {
      const answer = (await server.api({
        action: "query",
        list: "users",
        ususers: names.join("|"),
        usprop: "groups|blockinfo",
      })) as { query: { users: Account[] } };
      return answer.query.users;
    }

    /** An account, once it is as expected. */
    async function shows(name: string, isSo: (account: Account) => boolean): Promise<Account> {
      let account: Account | undefined;
      for (const deadline = Date.now() + 40_000; Date.now() < deadline; await sleep(100)) {
        [account] = await accountsNamed(name);
        if (account !== undefined && isSo(account)) return account;
      }
      expect.fail(`${JSON.stringify(account)}\n${sync.output()}`);
    }

    const isThere = ({ userid, blockedby }: Account) =>
      userid !== undefined && blockedby === undefined;
    const isBlocked = ({ blockedby }: Account) => blockedby === "Concordat";
    const isIn = (group: string) => (account: Account) =>
      isThere(account) && account.groups?.includes(group) === true;
    const isNotIn = (group: string) => (account: Account) =>
      account.userid !== undefined && account.groups?.includes(group) !== true;

    async function refusals(pattern: RegExp): Promise<string> {
      let status = "";
      for (const deadline = Date.now() + 40_000; Date.now() < deadline; await sleep(200)) {
        status = (await concordat("status").ended).stdout;
        if (pattern.test(status)) break;
      }
      expect(status).toMatch(pattern);
      return status;
    }

    /** Who one is for the wiki, for whom the proxy says that one is. */
    async function signedInAs(principal: string): Promise<{ name: string; rights: string[] }> {
      const answer = (await server.api(
        { action: "query", meta: "userinfo", uiprop: "rights" },
        { "X-Remote-User": principal },
      )) as { query: { userinfo: { name: string; rights: string[] } } };
      return answer.query.userinfo;
    }

    test("who is in the directory has an account, and the members of groups are those of the directory", async () => {
      await addPerson("ada", { mail: "ada@example.com" });
      await addPerson("grace");
      await addGroup("engineers", "ada");
      await shows("Ada", isIn("engineers"));
      const grace = await shows("Grace", isThere);

      await change(groupDn("engineers"), "add", "member", dnOf("grace"));
      await shows("Grace", isIn("engineers"));
      await change(groupDn("engineers"), "delete", "member", dnOf("ada"));
      await shows("Ada", isNotIn("engineers"));

      const client = await slapd.client();
      await client.modifyDN(dnOf("grace"), "uid=hopper");
      const hopper = await shows("Hopper", isIn("engineers"));
      expect(hopper.userid).toBe(grace.userid);
      expect((await accountsNamed("Grace"))[0]?.missing).toBe(true);
      await change(groupDn("engineers"), "replace", "member", dnOf("hopper"));
    });

    test("a group that the wiki does not declare is refused, with what would have to be done", async () => {
      await addGroup("strangers", "ada");
      await refusals(/strangers.*\$wgGroupPermissions/s);
      const client = await slapd.client();
      await client.del(groupDn("strangers"));
      await refusals(/ 0 refused/);
    });

    test("a group that is renamed is refused, and one that is gone has no members", async () => {
      const client = await slapd.client();
      await client.modifyDN(groupDn("engineers"), "cn=builders");
      await refusals(/engineers.*\$wgGroupPermissions.*builders/s);
      await shows("Hopper", isIn("engineers"));
      await client.modifyDN(groupDn("builders"), "cn=engineers");
      await refusals(/ 0 refused/);
      await client.del(groupDn("engineers"));
      await shows("Hopper", isNotIn("engineers"));
    });

    test("whoever leaves is blocked and cannot sign in, and comes back to the same account", async () => {
      await addPerson("kay");
      const { userid } = await shows("Kay", isThere);
      const inside = await signedInAs("kay@EXAMPLE.COM");
      expect(inside.name).toBe("Kay");
      expect(inside.rights).toContain("minoredit");

      const client = await slapd.client();
      await client.modifyDN(dnOf("kay"), dnOf("kay", left()));
      await shows("Kay", isBlocked);
      await sync.until(/disabled user kay/);
      const outside = await signedInAs("kay@EXAMPLE.COM");
      expect(outside.rights).not.toContain("minoredit");

      await client.modifyDN(dnOf("kay", left()), dnOf("kay"));
      expect((await shows("Kay", isThere)).userid).toBe(userid);
      expect((await signedInAs("kay@EXAMPLE.COM")).rights).toContain("minoredit");
    });

    test("nobody who is not in the directory gets an account by signing in", async () => {
      await signedInAs("mallory@EXAMPLE.COM");
      expect((await accountsNamed("Mallory"))[0]?.missing).toBe(true);
    });

    test("a block of somebody else's is there again when the person is back", async () => {
      await addPerson("eve");
      await shows("Eve", isThere);
      const blocking = [join("/usr/share/mediawiki", "maintenance/blockUsers.php")];
      const list = join(wiki.data, "to-block");
      await promisify(execFile)("/bin/sh", ["-c", `echo Eve > ${list}`]);
      await promisify(execFile)(
        "php",
        [...blocking, "--performer", "Admin", "--expiry", "2 years", "--reason", "spam", list],
        { env: { ...process.env, ...wiki.env } },
      );
      const isModerated = ({ blockedby }: Account) => blockedby === "Admin";
      const before = await shows("Eve", isModerated);
      const client = await slapd.client();
      await client.modifyDN(dnOf("eve"), dnOf("eve", left()));
      await shows("Eve", isBlocked);
      await client.modifyDN(dnOf("eve", left()), dnOf("eve"));
      expect((await shows("Eve", isModerated)).blockexpiry).toBe(before.blockexpiry);
    });

    test("a name that is used again is another person's, who does not get the account of the one before", async () => {
      const { userid } = await shows("Kay", isThere);
      const client = await slapd.client();
      await client.del(dnOf("kay"));
      await shows("Kay", isBlocked);
      await addPerson("kay");
      const kay = await shows("Kay", isThere);
      expect(kay.userid).not.toBe(userid);
      expect((await shows(`Kay~${userid}`, isBlocked)).userid).toBe(userid);
    });

    test("names that MediaWiki cannot have are refused, and an account with its name is taken over", async () => {
      await addPerson("user:ada");
      await refusals(/MediaWiki cannot have an account of the name "user:ada"/);
      const client = await slapd.client();
      await client.del(dnOf("user:ada"));
      const creating = ["maintenance/createAndPromote.php", "Byhand", "a-passw0rd-x"];
      await promisify(execFile)("php", creating, {
        cwd: "/usr/share/mediawiki",
        env: { ...process.env, ...wiki.env },
      });
      const { userid } = await shows("Byhand", isThere);
      await addPerson("byhand");
      await sync.until(/adopted {2}user byhand/i);
      expect((await shows("Byhand", isThere)).userid).toBe(userid);
    });

    test("a state that is lost ends in the same accounts, and in no second ones", async () => {
      sync.process.kill("SIGTERM");
      expect((await sync.ended).code).toBe(0);
      const before = await accountsNamed("Ada", "Hopper", "Kay", "Byhand");
      for (const end of ["", "-wal", "-shm"]) {
        await rm(join(wiki.data, `state.sqlite${end}`), { force: true });
      }
      const again = await concordat("sync", "--once").ended;
      expect(again.code, again.stderr).toBe(0);
      expect(again.stdout).toMatch(/adopted {2}user ada/);
      expect(again.stdout).not.toMatch(/created/);
      expect(await accountsNamed("Ada", "Hopper", "Kay", "Byhand")).toEqual(before);
    });

    test("a name that is used again is refused, by option, until somebody has renamed the account", async () => {
      sync.process.kill("SIGTERM");
      await sync.ended;
      settings = { NAMES_OF_GONE: "refuse" };
      await addPerson("noor");
      const once = async (...args: readonly string[]) => {
        const run = await concordat(...args).ended;
        expect(run.code, run.stderr).toBe(0);
        return run.stdout;
      };
      await once("sync", "--once");
      const { userid } = await shows("Noor", isThere);
      const client = await slapd.client();
      await client.del(dnOf("noor"));
      await once("sync", "--once");
      await addPerson("noor");
      expect(await once("sync", "--once")).toMatch(
        /deferred user noor: The name "noor" is that of an account whose/,
      );
      expect((await shows("Noor", isBlocked)).userid).toBe(userid);
      expect(await once("status")).toMatch(
        /noor: The name "noor" is that of an account whose person is gone/,
      );
      const renaming = `(new MediaWiki\\Extension\\Renameuser\\RenameuserSQL( 'Noor', 'Noor of before', ${userid}, User::newFromName( 'Admin' ) ))->rename();`;
      const php = promisify(execFile)("php", ["maintenance/eval.php"], {
        cwd: "/usr/share/mediawiki",
        env: { ...process.env, ...wiki.env },
      });
      php.child.stdin?.end(`${renaming}\n`);
      await php;
      await once("retry");
      expect((await shows("Noor", isThere)).userid).not.toBe(userid);
      expect((await shows("Noor of before", isBlocked)).userid).toBe(userid);
    });

    test.skipIf(!existsSync(executablePath) && process.env["CI"] !== "true")(
      "its pages show who is there, who is blocked, and by whom (needs the Debian package chromium)",
      async () => {
        const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
        try {
          const page = await browser.newPage();
          const textOf = async (special: string) => {
            await page.goto(`${server.url}/index.php?title=Special:${special}&limit=500`);
            return await page.locator("#mw-content-text").innerText();
          };
          expect(await textOf("ListUsers")).toMatch(/\bAda\b.*\bHopper\b.*\bKay\b/s);
          expect(await textOf("BlockList")).toMatch(/Kay~\d+.*Concordat/s);
          const log = await textOf("Log&type=rights");
          expect(log).toMatch(/Concordat[^\n]*changed group membership for Hopper/);
        } finally {
          await browser.close();
        }
      },
      90_000,
    );

    test("its users and groups are what every part of the package expects of users and groups", async () => {
      const empty = await wikis.copy();
      const env = { ...empty.env, TEST_MW_CONFIG_FILE: empty.settings };
      const args = ["--test", "--test-reporter=tap", "test/wiki.test.ts"];
      const { stdout, stderr } = await launch(process.execPath, args, template, { env }).ended;
      expect(stdout.match(/^ *not ok .*$/gm) ?? [], stdout + stderr).toEqual([]);
      expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(75);
    }, 240_000);
  },
  missingMediaWiki,
);
