import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Attribute, Change } from "ldapts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RunningProgram } from "../examples/installed-example.js";
import { type CopiedTemplate, copyTemplate } from "./random-template.js";
import { type Relay, startRelay } from "./relay.js";
import {
  type RequestTrackerServer,
  requestTrackerIsMissing,
  startRequestTracker,
} from "./request-tracker-server.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

vi.setConfig({ testTimeout: 240_000 });

const module = fileURLToPath(new URL("request-tracker-refuses.pm", import.meta.url));

describeWithSlapd(
  "the template for Request Tracker, when something goes wrong",
  () => {
    let template: CopiedTemplate;
    let slapd: Slapd;
    let tracker: RequestTrackerServer;
    let relay: Relay;
    let sync: RunningProgram;
    let token: string;
    let namesOfGone = "";

    beforeAll(async () => {
      [template, slapd] = await Promise.all([copyTemplate("request-tracker"), startSlapd()]);
      const library = join(template.installed.directory, "perl");
      await mkdir(join(library, "RT"), { recursive: true });
      await copyFile(module, join(library, "RT/User_Local.pm"));
      tracker = await startRequestTracker({ library });
      token = tracker.token;
      relay = await startRelay(tracker.url, (method) => method !== "GET");
    }, 240_000);
    afterAll(async () => {
      sync?.process.kill("SIGKILL");
      await relay?.[Symbol.asyncDispose]();
      await tracker?.[Symbol.asyncDispose]();
      await slapd?.[Symbol.asyncDispose]();
      await template?.[Symbol.asyncDispose]();
    });

    function concordat(...args: readonly string[]): RunningProgram {
      const env = {
        RT_URL: relay.url,
        RT_TOKEN: token,
        RT_ACCOUNT: "concordat",
        RT_TIMEOUT: "10000",
        NAMES_OF_GONE: namesOfGone,
        STATE_FILE: join(tracker.directory, "state.sqlite"),
        LDAP_URL: slapd.url,
        LDAP_BASE: slapd.suffix,
        LDAP_BIND_DN: slapd.adminDn,
        LDAP_PASSWORD: slapd.password,
      };
      return template.concordat(env, ...args);
    }

    async function status(): Promise<string> {
      return (await concordat("status").ended).stdout;
    }

    async function stop(): Promise<void> {
      sync.process.kill("SIGTERM");
      expect((await sync.ended).code).toBe(0);
    }

    const dnOf = (uid: string) => `uid=${uid},ou=people,${slapd.suffix}`;

    async function addPerson(uid: string, more: Record<string, string> = {}): Promise<void> {
      const client = await slapd.client();
      await client.add(dnOf(uid), { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid, ...more });
    }

    /** The users of a name, which is a pattern, and those who had it, as Request Tracker's own code finds them, in order. */
    async function users(name: string): Promise<string> {
      return await tracker.perl(
        `my $us = RT::Users->new(RT->SystemUser); $us->FindAllRows; $us->UnLimit;
         print join " ", sort map { $_->Name . ($_->Disabled ? "-" : "+") }
           grep { $_->Name =~ /^$ARGV[0](~\\d+)?$/ } @{ $us->ItemsArrayRef };`,
        name,
      );
    }

    async function becomes(expected: string, name: string): Promise<void> {
      for (const deadline = Date.now() + 90_000; Date.now() < deadline; await sleep(200)) {
        if ((await users(name)) === expected) return;
      }
      expect(await users(name), sync.output()).toBe(expected);
    }

    test("it is down when the command starts: the command waits for it", async () => {
      await tracker.stop();
      await addPerson("ada");
      sync = concordat("sync");
      await sync.until(/waiting \d+ ms for a store: Request Tracker cannot be reached/);
      expect(await status()).toMatch(/was never followed|the next run reads everything/);
      await tracker.start();
      await becomes("ada+", "ada");
    });

    test("it dies in the middle: everybody is there, and once", async () => {
      for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) {
        await addPerson(`person${number}`);
        if (number === 3) await tracker.stop();
        if (number === 6) await tracker.start();
      }
      await sync.until(/created +user person8/);
      await becomes("person8+", "person8");
      expect((await users("person\\d")).split(" ")).toEqual(
        [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `person${number}+`),
      );
      expect(await status()).toMatch(/ 0 refused/);
    });

    test.each(["answers 500", "loses the answer", "is silent"] as const)(
      "it %s: nothing is lost, and nothing is there twice",
      async (trouble) => {
        const uid = trouble.replaceAll(" ", "-");
        relay.trouble = trouble;
        await addPerson(uid);
        if (trouble === "answers 500") await sync.until(/has answered 500/);
        if (trouble === "is silent") await sync.until(/has not answered within 10000 ms/);
        if (trouble !== "loses the answer") relay.trouble = "none";
        await becomes(`${uid}+`, uid);
        expect(relay.trouble).toBe("none");
      },
    );

    test("it refuses one person: that one is kept with its reason, and the others go on", async () => {
      await addPerson("unwanted");
      await addPerson("zoe");
      await becomes("zoe+", "zoe");
      expect(await status()).toMatch(/unwanted: .*The module says no\./);
      expect(await users("unwanted")).toBe("");
    });

    test("an address is taken by hand: the person is refused until it is free, and then made", async () => {
      await tracker.perl(
        "RT::User->new(RT->SystemUser)->Create(Name => 'byhand', EmailAddress => 'max@example.com');",
      );
      await addPerson("max", { mail: "max@example.com" });
      await addPerson("lea");
      await becomes("lea+", "lea");
      expect(await status()).toMatch(/max: .*emails\.value/);
      await tracker.perl(
        "my $u = RT::User->new(RT->SystemUser); $u->Load('byhand'); $u->SetEmailAddress('');",
      );
      await stop();
      const retried = await concordat("retry").ended;
      expect(retried.code, retried.stderr).toBe(0);
      expect(await users("max")).toBe("max+");
      expect(await status()).not.toMatch(/max: /);
      sync = concordat("sync");
    });

    test("the service account loses a right: a refused change that says so", async () => {
      const right = (verb: string) =>
        tracker.perl(
          `my $u = RT::User->new(RT->SystemUser); $u->Load('concordat');
           $u->PrincipalObj->${verb}(Right => 'AdminUsers', Object => RT->System);`,
        );
      await right("RevokeRight");
      await tracker.stop();
      await tracker.start();
      await addPerson("eve");
      await sync.until(/deferred +user eve/);
      expect(await status()).toMatch(
        /eve: The service account may not do that in Request Tracker: Permission Denied/,
      );
      await right("GrantRight");
      await tracker.stop();
      await tracker.start();
      await stop();
      await concordat("retry").ended;
      expect(await users("eve")).toBe("eve+");
      sync = concordat("sync");
    });

    test("the token is revoked: the command waits and says so, and goes on with a new one", async () => {
      await tracker.perl(
        `my $t = RT::AuthTokens->new(RT->SystemUser); $t->UnLimit;
         $_->Delete for @{ $t->ItemsArrayRef };`,
      );
      await addPerson("late");
      await sync.until(/waiting \d+ ms for a store: Request Tracker refuses the token/);
      await stop();
      token = (
        await tracker.perl(
          `my $u = RT::User->new(RT->SystemUser); $u->Load('concordat');
           my ($ok, $m, $t) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $u->Id, Description => 'new');
           print $t;`,
        )
      ).trim();
      sync = concordat("sync");
      await becomes("late+", "late");
    });

    test("a name is used again: the next person waits until the account is renamed, by option", async () => {
      await stop();
      namesOfGone = "refuse";
      sync = concordat("sync");
      await addPerson("kay");
      await becomes("kay+", "kay");
      const client = await slapd.client();
      await client.del(dnOf("kay"));
      await becomes("kay-", "kay");
      await addPerson("kay", { title: "another person" });
      await sync.until(/deferred +user kay/);
      expect(await status()).toMatch(
        /kay: The name "kay" is that of an account whose person is gone/,
      );
      expect(await users("kay")).toBe("kay-");
      await stop();
      await tracker.perl(
        "my $u = RT::User->new(RT->SystemUser); $u->Load('kay'); $u->SetName('kay~1');",
      );
      await concordat("retry").ended;
      expect(await users("kay")).toBe("kay+ kay~1-");

      // And without the option, the command does so itself.
      namesOfGone = "";
      sync = concordat("sync");
      await client.del(dnOf("kay"));
      await becomes("kay- kay~1-", "kay");
      await addPerson("kay");
      await sync.until(/renamed +user kay to kay~\d+/);
      await sync.until(/created +user kay$/m);
      expect(await users("kay")).toMatch(/^kay\+ kay~1- kay~\d+-$/);
      // What changes afterwards is the new person's.
      const modification = new Attribute({ type: "displayName", values: ["The third"] });
      await client.modify(dnOf("kay"), new Change({ operation: "replace", modification }));
      await sync.until(/updated +user kay/);
      const named =
        "my $u = RT::User->new(RT->SystemUser); $u->Load($ARGV[0]); print $u->RealName;";
      expect(await tracker.perl(named, "kay")).toBe("The third");
      expect(await tracker.perl(named, "kay~1")).toBe("kay");
    });

    test("the state is lost: everybody is found again, and nobody is made", async () => {
      await stop();
      for (const end of ["", "-wal", "-shm"]) {
        await rm(join(tracker.directory, `state.sqlite${end}`), { force: true });
      }
      const again = await concordat("sync", "--once").ended;
      expect(again.code, again.stderr).toBe(0);
      expect(again.stdout).toMatch(/adopted +user ada/);
      expect(again.stdout).not.toMatch(/created/);
      expect(await tracker.validate()).toBe("");
    });
  },
  requestTrackerIsMissing,
);
