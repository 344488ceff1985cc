import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Attribute, Change } from "ldapts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, type RunningProgram } from "../examples/installed-example.js";
import { type InstalledPackage, installPackage } from "../installed-package.js";
import {
  type RequestTrackerServer,
  requestTrackerIsMissing,
  startRequestTracker,
} from "./request-tracker-server.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

describeWithSlapd(
  "the template for Request Tracker, with a real one and a real slapd",
  () => {
    let installed: InstalledPackage;
    let slapd: Slapd;
    let tracker: RequestTrackerServer;
    let template: string;
    let sync: RunningProgram;

    beforeAll(async () => {
      [installed, slapd, tracker] = await Promise.all([
        installPackage(),
        startSlapd(),
        startRequestTracker(),
      ]);
      await symlink(
        join(repository, "examples"),
        join(installed.application, "node_modules/concordat/examples"),
      );
      template = join(installed.application, "copied");
      await mkdir(template);
      expect(await concordat("init", "request-tracker", template).ended).toMatchObject({ code: 0 });
      sync = concordat("sync");
    }, 120_000);
    afterAll(async () => {
      sync?.process.kill("SIGKILL");
      await tracker?.[Symbol.asyncDispose]();
      await slapd?.[Symbol.asyncDispose]();
      await installed?.[Symbol.asyncDispose]();
    });

    function concordat(...args: readonly string[]): RunningProgram {
      const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
      const { RT_SITE_CONFIG = "", RT_SITE_CONFIG_DIR = "" } = tracker.environment;
      const env = {
        RT_URL: tracker.url,
        RT_TOKEN: tracker.token,
        RT_ACCOUNT: "concordat",
        RT_SITE_CONFIG,
        RT_SITE_CONFIG_DIR,
        STATE_FILE: join(installed.directory, "state.sqlite"),
        LDAP_URL: slapd.url,
        LDAP_BASE: slapd.suffix,
        LDAP_BIND_DN: slapd.adminDn,
        LDAP_PASSWORD: slapd.password,
      };
      return launch(process.execPath, [main, ...args], template, { env });
    }

    const dnOf = (uid: string) => `uid=${uid},ou=people,${slapd.suffix}`;
    const groupDn = (cn: string) => `cn=${cn},ou=groups,${slapd.suffix}`;

    async function addPerson(uid: string, more: Record<string, string> = {}): Promise<void> {
      const client = await slapd.client();
      await client.add(dnOf(uid), { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid, ...more });
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

    /** What Request Tracker itself says of a user: by its own code, in another process than its server. */
    async function user(name: string): Promise<string> {
      return await tracker.perl(
        `my $u = RT::User->new(RT->SystemUser); $u->Load($ARGV[0]);
         print $u->id ? join("|", $u->Name, $u->RealName // "", $u->EmailAddress // "",
           $u->Disabled ? "disabled" : "enabled", $u->Privileged ? "privileged" : "not") : "nobody";`,
        name,
      );
    }

    /** Whether a user has a right that was granted to a group: Request Tracker's judgement of a membership. */
    async function hasRight(name: string, right: string): Promise<boolean> {
      const answer = await tracker.perl(
        `my $u = RT::CurrentUser->new(RT->SystemUser); $u->Load($ARGV[0]);
         print $u->id && $u->HasRight(Right => $ARGV[1], Object => RT->System) ? 1 : 0;`,
        name,
        right,
      );
      return answer === "1";
    }

    async function grant(group: string, right: string): Promise<void> {
      await tracker.perl(
        `my $g = RT::Group->new(RT->SystemUser); $g->LoadUserDefinedGroup($ARGV[0]);
         $g->PrincipalObj->GrantRight(Right => $ARGV[1], Object => RT->System);`,
        group,
        right,
      );
    }

    /** Waits until an answer is as expected. */
    async function becomes<T>(expected: T, ask: () => Promise<T>): Promise<void> {
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
        if ((await ask()) === expected) return;
      }
      expect(await ask(), sync.output()).toBe(expected);
    }

    test("people and groups come, are renamed and change, as Request Tracker itself sees them", async () => {
      await addPerson("ada", { displayName: "Ada Lovelace", mail: "ada@example.com" });
      await addPerson("grace");
      const client = await slapd.client();
      await client.add(groupDn("staff"), {
        objectClass: "groupOfNames",
        cn: "staff",
        member: dnOf("ada"),
      });
      await sync.until(/added +ada to staff/);
      expect(await user("ada")).toBe("ada|Ada Lovelace|ada@example.com|enabled|privileged");

      await grant("staff", "SeeQueue");
      expect(await hasRight("ada", "SeeQueue")).toBe(true);
      expect(await hasRight("grace", "SeeQueue")).toBe(false);
      await change(groupDn("staff"), "add", "member", dnOf("grace"));
      await becomes(true, () => hasRight("grace", "SeeQueue"));
      await change(groupDn("staff"), "delete", "member", dnOf("ada"));
      await becomes(false, () => hasRight("ada", "SeeQueue"));

      await client.modifyDN(groupDn("staff"), "cn=crew");
      await sync.until(/renamed +group staff to crew/);
      expect(await hasRight("grace", "SeeQueue")).toBe(true);
      await client.modifyDN(dnOf("grace"), "uid=hopper");
      await becomes("hopper|grace||enabled|privileged", () => user("hopper"));
      await client.del(groupDn("crew"));
      await becomes(false, () => hasRight("hopper", "SeeQueue"));
    }, 240_000);

    test("whoever leaves is disabled and signed out, comes back to the same account, and leaves it to nobody", async () => {
      await addPerson("kay");
      await sync.until(/created +user kay/);
      const client = await slapd.client();
      await tracker.perl(
        `require RT::Interface::Web::Session; my %s; tie %s, 'RT::Interface::Web::Session', undef;
         my $u = RT::CurrentUser->new(RT->SystemUser); $u->Load('kay'); $s{CurrentUser} = $u; untie %s;`,
      );
      // Those of the service account, which its requests leave, are not to be counted, nor to be ended.
      const sessions = async () =>
        await tracker.perl(
          `require RT::Interface::Web::Session; my $own = 0;
           for my $id (@{ RT::Interface::Web::Session->Ids }) {
             my %s; tie %s, 'RT::Interface::Web::Session', $id;
             $own++ if $s{CurrentUser} && ($s{CurrentUser}->Name // "") eq "kay"; untie %s;
           }
           print $own;`,
        );
      expect(await sessions()).toBe("1");
      await client.del(dnOf("kay"));
      await sync.until(/disabled +user kay$/m);
      await becomes("kay|kay||disabled|privileged", () => user("kay"));
      await becomes("0", sessions);

      await addPerson("kay");
      await sync.until(/renamed +user kay to kay~\d+/);
      await becomes("kay|kay||enabled|privileged", () => user("kay"));
      const former = /renamed +user kay to (kay~\d+)/.exec(sync.output())?.[1] ?? "";
      expect(await user(former)).toMatch(/\|disabled\|/);
    }, 240_000);

    test("somebody takes the name of who left while an address changes, too", async () => {
      await addPerson("lou");
      await addPerson("max");
      await sync.until(/created +user max/);
      const client = await slapd.client();
      await client.del(dnOf("lou"));
      await sync.until(/disabled +user lou$/m);
      // Both changes are one write when they are read afterwards.
      sync.process.kill("SIGKILL");
      await sync.ended;
      await change(dnOf("max"), "add", "mail", "lou@example.com");
      await client.modifyDN(dnOf("max"), "uid=lou");
      sync = concordat("sync");
      await becomes("lou|max|lou@example.com|enabled|privileged", () => user("lou"));
    }, 240_000);

    test("what it refuses is kept with its own reason, and the others go on", async () => {
      await addPerson("mail1", { mail: "one@example.com" });
      await addPerson("mail2", { mail: "one@example.com" });
      await addPerson("4711");
      await addPerson("zoe");
      await sync.until(/created +user zoe/);
      const { stdout } = await concordat("status").ended;
      expect(stdout).toMatch(/4711: .*a number for an id/);
      expect(stdout).toMatch(/mail2: .*emails\.value/);
      expect(await user("zoe")).toMatch(/^zoe\|/);
    }, 240_000);

    test("while it is down nothing is lost", async () => {
      await tracker.stop();
      await addPerson("late");
      await sync.until(/waiting \d+ ms for a store: Request Tracker cannot be reached/);
      await tracker.start();
      await becomes("late|late||enabled|privileged", () => user("late"));
    }, 240_000);

    test("and its own validator finds nothing wrong", async () => {
      expect(await tracker.validate()).toBe("");
    }, 120_000);

    test("its own tests pass where it was copied to", async () => {
      const env = { PATH: process.env["PATH"] ?? "" };
      const args = ["--test", "--test-reporter=tap", "test/request-tracker.test.ts"];
      const run = await launch(process.execPath, args, template, { env }).ended;
      expect(run.stdout).toMatch(/^# fail 0$/m);
      expect(run.code).toBe(0);
    });
  },
  requestTrackerIsMissing,
);
