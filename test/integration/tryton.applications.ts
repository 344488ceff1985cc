import { once } from "node:events";
import { mkdir, rm, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Attribute, Change } from "ldapts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { endSessions } from "../../examples/tryton-scim/sessions.js";
import { launch, type RunningProgram } from "../examples/installed-example.js";
import { type InstalledPackage, installPackage } from "../installed-package.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";
import {
  adminPassword,
  installTryton,
  serviceAccount,
  type TrytonServer,
  type TrytonSession,
  type Trytons,
  trytonIsMissing,
} from "./tryton-server.js";

vi.setConfig({ testTimeout: 240_000 });

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** What is between the template and Tryton. */
type Trouble = "none" | "answers 500" | "is silent" | "loses the answer";

describeWithSlapd(
  "the template for Tryton, with a real one and a real slapd",
  () => {
    let installed: InstalledPackage;
    let slapd: Slapd;
    let trytons: Trytons;
    let server: TrytonServer;
    let tryton: TrytonSession;
    let between: Server;
    let template: string;
    let sync: RunningProgram;
    let trouble: Trouble = "none";

    beforeAll(async () => {
      [installed, slapd, trytons] = await Promise.all([
        installPackage(),
        startSlapd(),
        installTryton(),
      ]);
      server = await trytons.copy();
      tryton = await signedIn();
      between = createServer(async (request, response) => {
        if (trouble === "answers 500") return response.writeHead(500).end();
        if (trouble === "is silent") return;
        const body = await text(request);
        if (body.includes("refused-by-a-module") && body.includes(".create")) {
          const error = ["UserError", ["The module says no.", "", null]];
          return response.end(JSON.stringify({ id: 1, error }));
        }
        const headers = { "content-type": "application/json" };
        const { authorization } = request.headers;
        try {
          const answer = await fetch(new URL(request.url ?? "/", server.url), {
            method: "POST",
            headers: { ...headers, ...(authorization !== undefined && { authorization }) },
            body,
          });
          const found = await answer.text();
          if (trouble === "loses the answer" && /\.(?:create|write)"/.test(body)) {
            trouble = "none";
            return response.destroy();
          }
          return response.writeHead(answer.status, headers).end(found);
        } catch {
          return response.destroy();
        }
      }).listen(0, "127.0.0.1");
      await once(between, "listening");
      await symlink(
        join(repository, "examples"),
        join(installed.application, "node_modules/concordat/examples"),
      );
      template = join(installed.application, "copied");
      await mkdir(template);
      expect(await concordat("init", "tryton-scim", template).ended).toMatchObject({ code: 0 });
      const client = await slapd.client();
      for (const dn of [company(), people(), groups(), left()]) {
        const ou = /^ou=([^,]+)/.exec(dn)?.[1] ?? "";
        await client.add(dn, { objectClass: "organizationalUnit", ou });
      }
      sync = concordat("sync");
    }, 240_000);
    afterAll(async () => {
      sync?.process.kill("SIGKILL");
      between?.close();
      between?.closeAllConnections();
      await server?.[Symbol.asyncDispose]();
      await trytons?.[Symbol.asyncDispose]();
      await slapd?.[Symbol.asyncDispose]();
      await installed?.[Symbol.asyncDispose]();
    });

    /** Settings that differ from those of the first runs. */
    let settings: Readonly<Record<string, string>> = {};

    function concordat(...args: readonly string[]): RunningProgram {
      const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
      const { port } = between.address() as AddressInfo;
      const env = {
        PATH: process.env["PATH"] ?? "",
        ...server.environment,
        TRYTON_URL: `http://127.0.0.1:${port}/`,
        TRYTON_TIMEOUT: "10000",
        STATE_FILE: join(installed.directory, "state.sqlite"),
        LDAP_URL: slapd.url,
        LDAP_BASE: company(),
        LDAP_BIND_DN: slapd.adminDn,
        LDAP_PASSWORD: slapd.password,
        ...settings,
      };
      return launch(process.execPath, [main, ...args], template, { env });
    }

    async function signedIn(): Promise<TrytonSession> {
      const session = await server.as(serviceAccount.login, serviceAccount.password);
      if (session === undefined) throw new Error("The service account is not let in.");
      return session;
    }

    // Only what is below the base is read: who is moved out of it leaves, and may come back.
    const company = () => `ou=company,${slapd.suffix}`;
    const people = () => `ou=people,${company()}`;
    const groups = () => `ou=groups,${company()}`;
    const left = () => `ou=left,${slapd.suffix}`;
    const dnOf = (uid: string, where = people()) => `uid=${uid},${where}`;
    const groupDn = (cn: string) => `cn=${cn},${groups()}`;

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

    /** What Tryton itself says of the account with a login. */
    async function account(login: string): Promise<string> {
      const fields = ["login", "name", "email", "active"];
      const domain = [["login", "=", login]];
      const found = await tryton.call("model.res.user.search_read", domain, 0, null, null, fields);
      const [one] = found as readonly Record<string, unknown>[];
      if (one === undefined) return "none";
      const { name, email, active } = one;
      return [login, name ?? "", email ?? "", active ? "active" : "inactive"].join("|");
    }

    async function idOf(login: string): Promise<number> {
      const domain = [["login", "=", login]];
      const found = await tryton.call("model.res.user.search", domain, 0, null, null);
      return Number((found as number[])[0]);
    }

    async function membersOf(group: string): Promise<string> {
      const fields = ["login"];
      const domain = [["groups.name", "=", group]];
      const found = await tryton.call("model.res.user.search_read", domain, 0, null, null, fields);
      return (found as { login: string }[])
        .map(({ login }) => login)
        .sort()
        .join(",");
    }

    async function groupNames(): Promise<string> {
      const fields = ["name"];
      const found = await tryton.call("model.res.group.search_read", [], 0, null, null, fields);
      return (found as { name: string }[])
        .map(({ name }) => name)
        .sort()
        .join(",");
    }

    /** Waits until an answer is as expected. */
    async function becomes<T>(expected: T, ask: () => Promise<T>): Promise<void> {
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(200)) {
        if ((await ask()) === expected) return;
      }
      expect(await ask(), sync.output()).toBe(expected);
    }

    test("people and groups come, are renamed, change and go, as Tryton itself sees them", async () => {
      await addPerson("ada", { displayName: "Ada Lovelace", mail: "ada@example.com" });
      await addPerson("grace");
      const client = await slapd.client();
      const member = dnOf("ada");
      await client.add(groupDn("staff"), { objectClass: "groupOfNames", cn: "staff", member });
      await becomes("ada", () => membersOf("staff"));
      expect(await account("ada")).toBe("ada|Ada Lovelace|ada@example.com|active");
      await change(dnOf("ada"), "replace", "displayName", "Ada King");
      await becomes("ada|Ada King|ada@example.com|active", () => account("ada"));

      await change(groupDn("staff"), "add", "member", dnOf("grace"));
      await becomes("ada,grace", () => membersOf("staff"));
      await change(groupDn("staff"), "delete", "member", dnOf("ada"));
      await becomes("grace", () => membersOf("staff"));
      await client.modifyDN(groupDn("staff"), "cn=crew");
      await becomes("grace", () => membersOf("crew"));
      expect(await groupNames()).toBe("Administration,crew");

      const before = await idOf("grace");
      await client.modifyDN(dnOf("grace"), "uid=hopper");
      await becomes("hopper|grace||active", () => account("hopper"));
      expect(await idOf("hopper")).toBe(before);
      // A person's common name is the name where there is none to display.
      await change(dnOf("hopper"), "replace", "cn", "Grace Hopper");
      await becomes("hopper|Grace Hopper||active", () => account("hopper"));
      await client.del(groupDn("crew"));
      await becomes("", () => membersOf("crew"));
    });

    test("whoever leaves is inactive and signed out, and another person of the name gets another account", async () => {
      await addPerson("kay");
      await becomes("kay|kay||active", () => account("kay"));
      const id = await idOf("kay");
      const password = "Corr3ct-hOrse.x";
      await tryton.call("model.res.user.write", [id], { password });
      const session = await server.as("kay", password);
      const preferences = () => session?.call("model.res.user.get_preferences", true);
      expect(await preferences()).toMatchObject({ language: "en" });

      const client = await slapd.client();
      await client.del(dnOf("kay"));
      await sync.until(/disabled +user kay$/m);
      await becomes("kay|kay||inactive", () => account("kay"));
      await expect(preferences()).rejects.toThrow(/401/);
      expect(await server.as("kay", password)).toBeUndefined();

      await addPerson("kay");
      await becomes("kay|kay||active", () => account("kay"));
      expect(await idOf("kay")).not.toBe(id);
      expect(await account(`kay~${id}`)).toMatch(/\|inactive$/);
      expect(await server.as("kay", password)).toBeUndefined();
    });

    test("whoever comes back is active again, with the same account and the groups of then", async () => {
      await addPerson("jo");
      await addPerson("al");
      const client = await slapd.client();
      const member = [dnOf("jo"), dnOf("al")];
      await client.add(groupDn("choir"), { objectClass: "groupOfNames", cn: "choir", member });
      await becomes("al,jo", () => membersOf("choir"));
      const id = await idOf("jo");
      await client.modifyDN(dnOf("jo"), dnOf("jo", left()));
      await becomes("jo|jo||inactive", () => account("jo"));
      await becomes("al", () => membersOf("choir"));
      await change(groupDn("choir"), "replace", "member", dnOf("al"));
      await client.modifyDN(dnOf("jo", left()), dnOf("jo"));
      await becomes("jo|jo||active", () => account("jo"));
      expect(await idOf("jo")).toBe(id);
      await change(groupDn("choir"), "add", "member", dnOf("jo"));
      await becomes("al,jo", () => membersOf("choir"));
    });

    test("a name that was taken by hand is the person's, and Tryton's own accounts are nobody's", async () => {
      await tryton.call("model.res.user.create", [{ login: "byhand", name: "By hand" }]);
      const id = await idOf("byhand");
      await addPerson("byhand", { displayName: "In the directory" });
      await becomes("byhand|In the directory||active", () => account("byhand"));
      expect(await idOf("byhand")).toBe(id);
      await addPerson("admin");
      await addPerson("refused-by-a-module");
      await addPerson("zoe");
      await becomes("zoe|zoe||active", () => account("zoe"));
      const { stdout } = await concordat("status").ended;
      expect(stdout).toMatch(/refused-by-a-module: .*The module says no/);
      expect(stdout).toMatch(/admin: .*userName/);
      expect(await account("admin")).toMatch(/^admin\|Administrator\|/);
    });

    test.each(["answers 500", "loses the answer", "is silent"] as const)(
      "while Tryton %s nothing is lost, and nothing is there twice",
      async (which) => {
        const uid = which.replaceAll(" ", "-");
        trouble = which;
        await addPerson(uid);
        if (which === "loses the answer") await becomes("none", async () => trouble);
        else await sync.until(which === "is silent" ? /has not answered within/ : /answered 500/);
        trouble = "none";
        await becomes(`${uid}|${uid}||active`, () => account(uid));
        const domain = [["login", "ilike", `${uid}%`]];
        expect(await tryton.call("model.res.user.search_count", domain)).toBe(1);
      },
    );

    test("while Tryton is down, or refuses the service account, nothing is lost", async () => {
      const { length } = sync.output();
      await server.stop();
      await addPerson("late");
      await sync.until(/waiting \d+ ms for a store: Tryton cannot be reached/);
      await server.start();
      tryton = await signedIn();
      await becomes("late|late||active", () => account("late"));
      expect(sync.output().length).toBeGreaterThan(length);

      const admin = await server.as("admin", adminPassword);
      const id = await idOf(serviceAccount.login);
      const setPassword = async (password: string) => {
        await admin?.call("model.res.user.write", [id], { password });
        await endSessions(server.console.join(" "), String(id));
      };
      await setPassword("An0ther-hOrse.z");
      await addPerson("later");
      await sync.until(/refuses the service account/);
      const { stdout } = await concordat("status").ended;
      expect(stdout).toMatch(/behind|waiting|refused/i);
      await setPassword(serviceAccount.password);
      tryton = await signedIn();
      // A password that was refused twice is tried again after 90 seconds, which is longer than the command waits: it is
      // started again, as by what keeps services running.
      sync.process.kill("SIGTERM");
      await sync.ended;
      sync = concordat("sync");
      await becomes("later|later||active", () => account("later"));
    });

    test("a state that is lost ends in the same accounts, and in no second ones", async () => {
      sync.process.kill("SIGTERM");
      expect((await sync.ended).code).toBe(0);
      const count = () => tryton.call("model.res.user.search_count", []);
      const before = await count();
      for (const end of ["", "-wal", "-shm"]) {
        await rm(join(installed.directory, `state.sqlite${end}`), { force: true });
      }
      const again = await concordat("sync", "--once").ended;
      expect(again.code, again.stderr).toBe(0);
      expect(again.stdout).toMatch(/adopted {2}user ada/);
      expect(again.stdout).not.toMatch(/created/);
      expect(await count()).toBe(before);
    });

    test("where Tryton's console is not at hand, it is said that sessions stay open", async () => {
      const id = await idOf("zoe");
      const password = "Corr3ct-hOrse.x";
      await tryton.call("model.res.user.write", [id], { password });
      const session = await server.as("zoe", password);
      settings = { TRYTON_CONSOLE: "" };
      const client = await slapd.client();
      await client.del(dnOf("zoe"));
      const run = await concordat("sync", "--once").ended;
      expect(run.stdout).toMatch(/disabled +user zoe \(sessions: unsupported\)$/m);
      expect(await account("zoe")).toBe("zoe|zoe||inactive");
      expect(await session?.call("model.res.user.get_preferences", true)).toBeDefined();
      expect(await server.as("zoe", password)).toBeUndefined();
    });

    test("its own tests pass where it was copied to", async () => {
      const env = { PATH: process.env["PATH"] ?? "" };
      const args = ["--test", "--test-reporter=tap", "test/tryton.test.ts"];
      const run = await launch(process.execPath, args, template, { env }).ended;
      expect(run.stdout).toMatch(/^# fail 0$/m);
      expect(run.code).toBe(0);
    });
  },
  trytonIsMissing,
);
