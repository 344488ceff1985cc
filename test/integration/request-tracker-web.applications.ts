import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Attribute, Change } from "ldapts";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningProgram } from "../examples/installed-example.js";
import { type CopiedTemplate, copyTemplate } from "./random-template.js";
import {
  type RequestTrackerServer,
  requestTrackerIsMissing,
  startRequestTracker,
} from "./request-tracker-server.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

const executablePath = "/usr/bin/chromium";
const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describeWithSlapd(
  "the template for Request Tracker, by the pages of a real one in a real browser",
  () => {
    let library: string;
    let template: CopiedTemplate;
    let tracker: RequestTrackerServer;
    let slapd: Slapd;
    let browser: Browser;
    let sync: RunningProgram;

    beforeAll(async () => {
      library = await mkdtemp(join(tmpdir(), "concordat-rt-lib-"));
      const overlays = join(library, "RT/Interface");
      await mkdir(overlays, { recursive: true });
      await copyFile(fileOf("request-tracker-remote-user.pm"), join(overlays, "Web_Vendor.pm"));
      const local = "../../examples/request-tracker/end-sessions/Web_Local.pm";
      await copyFile(fileOf(local), join(overlays, "Web_Local.pm"));
      const settings =
        "Set($WebRemoteUserAuth, 1); Set($WebFallbackToRTLogin, 1); Set($RestrictReferrer, 0);";
      [template, tracker, slapd, browser] = await Promise.all([
        copyTemplate("request-tracker"),
        startRequestTracker({ settings, library, workers: 8 }),
        startSlapd(),
        chromium.launch({ executablePath, args: ["--no-sandbox"] }),
      ]);
      const env = {
        RT_URL: tracker.url,
        RT_TOKEN: tracker.token,
        RT_ACCOUNT: "concordat",
        STATE_FILE: join(tracker.directory, "state.sqlite"),
        LDAP_URL: slapd.url,
        LDAP_BASE: slapd.suffix,
        LDAP_BIND_DN: slapd.adminDn,
        LDAP_PASSWORD: slapd.password,
      };
      sync = template.concordat(env, "sync");
    }, 120_000);
    afterAll(async () => {
      sync?.process.kill("SIGKILL");
      await browser?.close();
      await tracker?.[Symbol.asyncDispose]();
      await slapd?.[Symbol.asyncDispose]();
      await template?.[Symbol.asyncDispose]();
      await rm(library, { recursive: true, force: true });
    });

    const dnOf = (uid: string) => `uid=${uid},ou=people,${slapd.suffix}`;
    const groupDn = (cn: string) => `cn=${cn},ou=groups,${slapd.suffix}`;

    async function addPerson(uid: string): Promise<void> {
      const client = await slapd.client();
      await client.add(dnOf(uid), { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
    }

    async function changeMember(operation: "add" | "delete", cn: string, uid: string) {
      const client = await slapd.client();
      const modification = new Attribute({ type: "member", values: [dnOf(uid)] });
      await client.modify(groupDn(cn), new Change({ operation, modification }));
    }

    /** The browser of somebody whom the web server in front has authenticated. */
    async function browserOf(principal: string): Promise<Page> {
      const extraHTTPHeaders = { "X-Remote-User": principal };
      const page = await (await browser.newContext({ extraHTTPHeaders })).newPage();
      page.setDefaultTimeout(60_000);
      return page;
    }

    async function textOf(page: Page, path: string): Promise<string> {
      await page.goto(new URL(path, tracker.url).href);
      return await page.locator("body").innerText();
    }

    const usersPage = "Admin/Users/index.html?UserField=Name&UserOp=LIKE&UserString=a&Go=1";
    const disabledPage = `${usersPage}&FindDisabledUsers=1`;
    const isSignedIn = /Logged in as/;

    test("its pages show who came, was renamed, and is in which group", async () => {
      const root = await browserOf("root@EXAMPLE.COM");
      await addPerson("ada");
      await addPerson("grace");
      const client = await slapd.client();
      const member = dnOf("ada");
      await client.add(groupDn("staff"), { objectClass: "groupOfNames", cn: "staff", member });
      await sync.until(/added +ada to staff/);
      expect(await textOf(root, usersPage)).toMatch(/\bada\b.*\bgrace\b/s);
      await root.goto(new URL("Admin/Groups/index.html", tracker.url).href);
      await root.getByRole("link", { name: "staff", exact: true }).first().click();
      await root.waitForLoadState();
      const id = /id=(\d+)/.exec(root.url())?.[1] ?? "";
      const members = () => textOf(root, `Admin/Groups/Members.html?id=${id}`);
      expect(await members()).toMatch(/\bada\b/);
      expect(await members()).not.toMatch(/\bgrace\b/);

      await changeMember("add", "staff", "grace");
      await sync.until(/added +grace to staff/);
      await changeMember("delete", "staff", "ada");
      await sync.until(/removed +ada from staff/);
      await client.modifyDN(dnOf("grace"), "uid=hopper");
      await sync.until(/renamed +user grace to hopper/);
      await client.modifyDN(groupDn("staff"), "cn=crew");
      await sync.until(/renamed +group staff to crew/);
      expect(await members()).toMatch(/crew.*\bhopper\b/s);
      expect(await members()).not.toMatch(/\bada\b/);
      await client.del(groupDn("crew"));
      await sync.until(/removed +hopper from crew|deactivated +group crew|disabled +group crew/);
      expect(await members()).not.toMatch(/\bhopper\b/);
    }, 240_000);

    test("who is signed in by remote user has the synchronised account, until it is disabled", async () => {
      await addPerson("kay");
      await sync.until(/created +user kay/);
      const kay = await browserOf("kay@EXAMPLE.COM");
      expect(await textOf(kay, "")).toMatch(isSignedIn);
      const client = await slapd.client();
      await client.del(dnOf("kay"));
      await sync.until(/disabled +user kay/);
      // Neither the browser that was signed in nor another one.
      expect(await textOf(kay, "")).not.toMatch(isSignedIn);
      const later = await browserOf("kay@EXAMPLE.COM");
      expect(await textOf(later, "")).not.toMatch(isSignedIn);

      await addPerson("kay");
      await sync.until(/created +user kay[\s\S]*created +user kay/);
      expect(await textOf(later, "")).toMatch(isSignedIn);
      const root = await browserOf("root@EXAMPLE.COM");
      expect(await textOf(root, usersPage)).toMatch(/\bkay\b(?!~)/);
      expect(await textOf(root, disabledPage)).toMatch(/\bkay~\d+\b/);
    }, 240_000);

    test("nobody who is not in the directory gets an account by it", async () => {
      const mallory = await browserOf("mallory@EXAMPLE.COM");
      expect(await textOf(mallory, "")).not.toMatch(isSignedIn);
      const count =
        "my $u = RT::User->new(RT->SystemUser); $u->Load('mallory'); print $u->id // 0;";
      expect(await tracker.perl(count)).toBe("0");
    }, 120_000);
  },
  requestTrackerIsMissing ??
    (existsSync(executablePath) ? undefined : "install the Debian package chromium"),
);
