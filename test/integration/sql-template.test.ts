import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Attribute, Change } from "ldapts";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, type RunningProgram } from "../examples/installed-example.js";
import { type InstalledPackage, installPackage } from "../installed-package.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

test("the templates compile as their users have them", () => {
  const { config } = ts.readConfigFile(join(repository, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, repository);
  const files = [
    ...["concordat.config.ts", "main.ts", "test/application.test.ts"].map((file) => `sql/${file}`),
    ...["concordat.config.ts", "test/wiki.test.ts"].map((file) => `mediawiki/${file}`),
  ];
  const program = ts.createProgram(
    files.map((file) => join(repository, "examples", file)),
    { ...options, isolatedDeclarations: false, declaration: false },
  );
  const found = ts.getPreEmitDiagnostics(program);
  expect(found.map((one) => ts.flattenDiagnosticMessageText(one.messageText, "\n"))).toEqual([]);
}, 180_000);

describeWithSlapd("the template for SQL with a real slapd", () => {
  let installed: InstalledPackage;
  let slapd: Slapd;
  let template: string;
  let application: RunningProgram;
  let sync: RunningProgram;
  let address: string;
  const secret = "a secret of the proxy";

  beforeAll(async () => {
    installed = await installPackage();
    slapd = await startSlapd();
    await symlink(
      join(repository, "examples"),
      join(installed.application, "node_modules/concordat/examples"),
    );
    template = join(installed.application, "copied");
    await mkdir(template);
    expect(await concordat("init", "sql", template).ended).toMatchObject({ code: 0 });
    application = launch(process.execPath, ["main.ts"], template, { env: environment() });
    await application.until(/at (http\S+)/);
    address = /at (http\S+)/.exec(application.output())?.[1] ?? "";
    sync = concordat("sync");
  });
  afterAll(async () => {
    for (const program of [sync, application]) program?.process.kill("SIGKILL");
    await slapd?.[Symbol.asyncDispose]();
    await installed?.[Symbol.asyncDispose]();
  });

  function environment(): Readonly<Record<string, string>> {
    return {
      DATABASE_URL: join(installed.directory, "application.sqlite"),
      LDAP_URL: slapd.url,
      LDAP_BASE: slapd.suffix,
      LDAP_BIND_DN: slapd.adminDn,
      LDAP_PASSWORD: slapd.password,
      PORT: "0",
      PROXY_SECRET: secret,
    };
  }

  function concordat(...args: readonly string[]): RunningProgram {
    const main = join(installed.application, "node_modules/concordat/dist/cli/main.js");
    return launch(process.execPath, [main, ...args], template, { env: environment() });
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

  /** The rows of the page, until they are as expected or some time is over. */
  async function shows(...rows: readonly RegExp[]): Promise<void> {
    let html = "";
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
      html = await (await fetch(address)).text();
      if (rows.every((row) => row.test(html))) return;
    }
    for (const row of rows) expect(html, sync.output()).toMatch(row);
  }

  async function signIn(user: string): Promise<Response> {
    return await fetch(`${address}sign-in`, {
      method: "POST",
      headers: { "x-remote-user": user, "x-proxy-secret": secret },
    });
  }

  const person = (login: string, state: string, teams = "") =>
    new RegExp(
      [login, "[^<]*", `<span[^>]*>${state}</span>`, teams]
        .map((cell) => `<td[^>]*>${cell}</td>`)
        .join(""),
    );
  const team = (title: string, members: string) =>
    new RegExp(`<th[^>]*>${title}</th><td[^>]*>${members}</td>`);

  test("what changes in the directory is on the page of the application", async () => {
    await addPerson("ada", { givenName: "Ada", mail: "ada@example.com" });
    await addPerson("grace");
    const client = await slapd.client();
    await client.add(groupDn("engineers"), {
      objectClass: "groupOfNames",
      cn: "engineers",
      member: dnOf("ada"),
    });
    await shows(person("ada", "active", "engineers"), person("grace", "active"));

    await change(groupDn("engineers"), "add", "member", dnOf("grace"));
    await shows(team("engineers", "ada, grace"));
    await change(groupDn("engineers"), "delete", "member", dnOf("ada"));
    await shows(team("engineers", "grace"), person("ada", "active"));

    await client.modifyDN(groupDn("engineers"), "cn=builders");
    await shows(team("builders", "grace"));
    await client.modifyDN(dnOf("grace"), "uid=hopper");
    await shows(person("hopper", "active", "builders"));
    await client.del(groupDn("builders"));
    await shows(person("hopper", "active"));
  });

  test("whoever leaves is disabled and signed out, and the same account comes back", async () => {
    await addPerson("kay");
    await shows(person("kay", "active"));
    const signedIn = await signIn("KAY");
    expect(signedIn.status).toBe(200);
    const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
    const me = async () => await (await fetch(`${address}me`, { headers: { cookie } })).text();
    expect(await me()).toBe("kay\n");

    const client = await slapd.client();
    await client.del(dnOf("kay"));
    await shows(person("kay", "disabled"));
    await sync.until(/disabled user kay/);
    expect(await me()).toBe("Nobody is signed in.\n");
    expect(await (await signIn("kay")).text()).toBe("The account is disabled.\n");
  });

  test("a name that is used again is another person's, and gets no account of the one before", async () => {
    await addPerson("kay");
    await sync.until(/renamed {2}user kay to kay~\d+\ncreated {2}user kay/);
    await shows(person("kay", "active"), person("kay~\\d+", "disabled"));
    const kay = await signIn("kay");
    const cookie = kay.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(await (await fetch(`${address}me`, { headers: { cookie } })).text()).toBe("kay\n");
    expect((await concordat("status").ended).stdout).toContain("0 refused");
  });

  test("nobody signs in without the proxy, and whoever is unknown is not made", async () => {
    const direct = await fetch(`${address}sign-in`, {
      method: "POST",
      headers: { "x-remote-user": "ada" },
    });
    expect(direct.status).toBe(403);
    expect(await (await signIn("mallory")).text()).toBe("The account is unknown.\n");
    const html = await (await fetch(address)).text();
    expect(html).not.toContain("mallory");
  });

  test("its own tests pass where it was copied to", async () => {
    const env = { PATH: process.env["PATH"] ?? "" };
    const args = ["--test", "--test-reporter=tap", "test/application.test.ts"];
    const run = await launch(process.execPath, args, template, { env }).ended;
    expect(run.stdout).toMatch(/^# fail 0$/m);
    expect(run.stdout).not.toMatch(/^# pass 0$/m);
    expect(run.code).toBe(0);
  });

  test("its scripts name what is there", async () => {
    const { scripts } = JSON.parse(await readFile(join(template, "package.json"), "utf8")) as {
      scripts: Readonly<Record<string, string>>;
    };
    for (const script of Object.values(scripts)) {
      for (const [, file] of script.matchAll(/\s(\S+\.(?:js|ts))\b/g)) {
        const path = file?.replace("node_modules/", "../node_modules/") ?? "";
        if (!path.includes("*")) await readFile(join(template, path));
      }
    }
  });
});
