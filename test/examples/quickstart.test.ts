import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { stripVTControlCharacters } from "node:util";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pictureOf } from "../../.ci/picture.ts";
import { type Certificates, makeCertificates } from "../integration/certificates.js";
import { type InstalledExample, installExample } from "./installed-example.js";

let quickstart: InstalledExample;
beforeAll(async () => {
  quickstart = await installExample("quickstart");
});
afterAll(() => quickstart[Symbol.asyncDispose]());

/** Any character that moves, colours or clears. */
const control = /(?!\n)\p{Control}/u;

describe("the demonstration", () => {
  test("shows every step in plain lines, and leaves the database as the directory is", async () => {
    const database = join(quickstart.directory, "plain.sqlite");
    const { code, stdout, stderr } = await quickstart.run(["--database", database]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).not.toMatch(control);
    const ms = String.raw`  \d+\.\d ms`;
    for (const line of [
      /^ {2}directory {2}ldap:\/\/127\.0\.0\.1:\d+, in this process$/,
      "             360 people and 40 groups, invented",
      `  database   ${database}`,
      /^Synchronising {2}1,840 of 1,840$/,
      /^✓ 360 users, 40 groups, 1,440 memberships in \d+\.\d\d s$/,
      "+ create          a person, nia.calloway",
      new RegExp(`^  → nia.calloway · Nia Calloway · active · no group${ms}$`),
      "+ add to a group  nia.calloway joins Research",
      new RegExp(`^  → nia.calloway · Nia Calloway · active · Research${ms}$`),
      "~ rename          nia.calloway is nia.abara from now on",
      new RegExp(`^  → nia.abara · Nia Calloway · active · Research${ms}$`),
      "+ reuse a name    another nia.calloway, somebody else",
      new RegExp(`^  → nia.calloway · Nia Marie Calloway · active · no group${ms}$`),
      "+ create          a group, Sailing club",
      new RegExp(`^  → Sailing club · 3 members${ms}$`),
      "~ disable         bruno.bergstrom is locked out",
      new RegExp(`^  → bruno.bergstrom · Bruno Bergström · disabled · 5 groups${ms}$`),
      "− delete          chiara.costa has left",
      new RegExp(`^  → no row any more${ms}$`),
      /^ {2}changes {2}7 arrived, median \d+\.\d ms, slowest \d+\.\d ms$/,
      "  now      361 users, 41 groups, 1,439 memberships",
      "           1 user disabled",
      `  look     sqlite3 ${database} "select user_name, display_name, active from concordat_user limit 10"`,
    ]) {
      expect(stdout.split("\n")).toContainEqual(
        typeof line === "string" ? line : expect.stringMatching(line),
      );
    }

    const db = new DatabaseSync(database, { readOnly: true });
    const all = (sql: string) =>
      db
        .prepare(sql)
        .all()
        .map((row) => Object.values(row).join(" | "));
    expect(all("select count(*) from concordat_user")).toEqual(["361"]);
    expect(all("select user_name from concordat_user where active = 0")).toEqual([
      "bruno.bergstrom",
    ]);
    expect(
      all(
        "select user_name, display_name from concordat_user where user_name like 'nia.%' or user_name = " +
          "'chiara.costa' order by 1",
      ),
    ).toEqual(["nia.abara | Nia Calloway", "nia.calloway | Nia Marie Calloway"]);
    const groupsOf = (userName: string) =>
      all(`select g.display_name from concordat_group g
        join concordat_group_member m on m.group_id = g.id
        join concordat_user u on u.id = m.member_id
        where u.user_name = '${userName}' order by 1`);
    expect(groupsOf("nia.abara")).toEqual(["Research", "Sailing club"]);
    expect(groupsOf("nia.calloway")).toEqual([]);
    expect(groupsOf("zoe.yilmaz").slice(0, 1)).toEqual(["All staff"]);
    expect(all("select count(*) from concordat_group")).toEqual(["41"]);
    expect(all("select count(*) from concordat_group_member")).toEqual(["1439"]);
    expect(
      all(`select count(*) from concordat_group_member
        where member_id not in (select id from concordat_user)`),
    ).toEqual(["0"]);
    db.close();
  }, 60_000);

  test("keeps to ASCII where the locale is not UTF-8", async () => {
    const { code, stdout } = await quickstart.run([], { env: { LANG: "C" } });
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/[^\n\x20-\x7e]/);
    expect(stdout).toContain("  -> bruno.bergstrom | Bruno Bergstrom | disabled | 5 groups  ");
  });

  test("is what the picture of the README shows", async () => {
    const { stdout } = await quickstart.run(["--color"]);
    const shown = readFileSync(
      new URL("../../docs/pictures/quickstart.svg", import.meta.url),
      "utf8",
    );
    // How long it takes, and at which port, is another thing each time; so is where the rest of a line begins then.
    const same = (picture: string): string => picture.replace(/[\d.,]+/g, "#");
    expect(same(pictureOf(stdout)), "npm run picture draws it anew").toBe(same(shown));
  });

  test("makes a new database each time, which only its owner can look at", async () => {
    const { stdout } = await quickstart.run([]);
    const [, path = ""] = /^ {2}database {3}(\/.*)$/m.exec(stdout) ?? [];
    expect(existsSync(path)).toBe(true);
    expect(path.startsWith(quickstart.directory)).toBe(true);
  });

  test("colours a file only where that is asked for, and never moves the cursor in it", async () => {
    const forced = await quickstart.run([], { env: { FORCE_COLOR: "1" } });
    const asked = await quickstart.run(["--color"], { env: { NO_COLOR: "1" } });
    const refused = await quickstart.run(["--no-color"], { env: { FORCE_COLOR: "1" } });
    for (const { stdout } of [forced, asked]) {
      expect(stdout).toContain("\u001b[32m✓\u001b[39m");
      expect(stdout.replace(/\p{Control}\[\d+m/gu, "")).not.toMatch(control);
    }
    expect(refused.stdout).not.toMatch(control);
  });

  test("ends without a word when nobody reads on", async () => {
    const words = quickstart.command().map((word) => `'${word}'`);
    const program = quickstart.startCommand(["/bin/sh", "-c", `${words.join(" ")} | head -n 1`]);
    expect(await program.ended).toEqual({
      code: 0,
      stdout: "A directory's changes in your database, live\n",
      stderr: "",
    });
  });

  test("does not write into a database that is there", async () => {
    const database = join(quickstart.directory, "precious.sqlite");
    await writeFile(database, "precious");
    const { code, stderr } = await quickstart.run(["--database", database]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^✗ The demonstration begins with a new database, and .* is there already/,
    );
    expect(await readFile(database, "utf8")).toBe("precious");
  });
});

test("--help says everything there is to know", async () => {
  const { code, stdout } = await quickstart.run(["--help"]);
  expect(code).toBe(0);
  for (const option of ["url", "base", "bind-dn", "profile", "start-tls", "ca", "filter"]) {
    expect(stdout).toContain(`  --${option}`);
  }
  expect(stdout).toContain("CONCORDAT_PASSWORD");
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

const script = "/usr/bin/script";
const { CI } = process.env;
const aboutScript = existsSync(script) ? "" : " (install the Debian package bsdutils)";
describe.skipIf(!existsSync(script) && CI !== "true")(`in a terminal${aboutScript}`, () => {
  const inTerminal = (columns: number, ...args: readonly string[]) => {
    const words = quickstart.command(...args).map((word) => `'${word}'`);
    return [script, "-qec", `stty cols ${columns}; exec ${words.join(" ")}`, "/dev/null"] as const;
  };

  test.concurrent.each([60, 200])(
    "the progress is drawn anew in place, in %i columns",
    async (columns) => {
      const { code, stdout } = await quickstart.startCommand(inTerminal(columns)).ended;
      expect(code).toBe(0);
      const drawings = stdout
        .split("\n")
        .flatMap((line) => line.split("\u001b[2K"))
        .map((line) => stripVTControlCharacters(line).replaceAll("\r", ""));
      const bars = drawings.filter((line) => line.startsWith("Synchronising"));
      expect(bars.length).toBeGreaterThan(10);
      expect(bars.at(-1)).toMatch(/━ {2}1,840 of 1,840$/);
      const arrivals = drawings.filter((line) => line.startsWith("  → "));
      expect(arrivals).toHaveLength(7);
      for (const line of arrivals) expect(line).toHaveLength(Math.min(columns, 100));
      // What is to be copied is not cut.
      const drawn = drawings.filter((line) => !/^ {2}(look|database) /.test(line));
      for (const line of drawn) expect(line.length).toBeLessThanOrEqual(columns);
      expect(stdout).toMatch(/7 arrived, median/);
    },
  );

  test.concurrent("NO_COLOR leaves the drawing and takes the colours", async () => {
    const { stdout } = await quickstart.startCommand(inTerminal(80), { env: { NO_COLOR: "1" } })
      .ended;
    expect(stdout).toContain("\u001b[2K");
    expect(stdout).not.toMatch(/\p{Control}\[\d*m/u);
  });

  test("Ctrl-C ends the demonstration", async () => {
    const program = quickstart.startCommand(inTerminal(80), { stdin: "pipe" });
    await program.until(/nia\.calloway joins Research/);
    program.process.stdin?.write("\u0003");
    const { code, stdout } = await program.ended;
    expect(code).toBe(130);
    expect(stdout).not.toContain("Summary");
    expect(stdout).not.toContain("Error");
  });

  test("a password is asked for, and not shown", async () => {
    await using directory = await startSecuredDirectory();
    const program = quickstart.startCommand(
      inTerminal(80, ...directory.args, "--bind-dn", directory.adminDn),
      { stdin: "pipe" },
    );
    await program.until(/Password of cn=admin,dc=example,dc=com: /);
    program.process.stdin?.write(`${directory.password}\r`);
    await program.until(/Following the directory/);
    program.process.stdin?.write("\u0003");
    const { code, stdout } = await program.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain(directory.password);
  });
});

describe("a directory of one's own", () => {
  test("is followed over a restart, until the programme is interrupted", async () => {
    await using directory = await startSecuredDirectory();
    const program = quickstart.start([...directory.args, "--bind-dn", directory.adminDn], {
      env: { CONCORDAT_PASSWORD: directory.password },
    });
    await program.until(/✓ 0 users, 0 groups, 0 memberships in .*\n\nFollowing the directory/);
    await directory.restart();
    await program.until(/The directory is away/);
    const ada = "uid=ada,ou=people,dc=example,dc=com";
    const engineers = "cn=Engineers,ou=groups,dc=example,dc=com";
    directory.add(ada, {
      ...{ objectClass: "inetOrgPerson", uid: "ada", cn: "Ada", sn: "Lovelace" },
      displayName: "Ada\u001b]0;a title\u0007 Lovelace",
    });
    await program.until(
      /\+ create {3}ada · Ada\uFFFD\]0;a title\uFFFD Lovelace · active · no group\n/,
    );
    await program.until(/The directory is back, and nothing was missed\.\n/);
    directory.add(engineers, { objectClass: "groupOfNames", cn: "Engineers", member: ada });
    await program.until(/\+ create {3}Engineers · 1 member\n/);
    await program.until(/\+ join {5}Engineers: ada · .* · Engineers\n/);
    directory.modify(ada, { add: { pwdAccountLockedTime: "000001010000Z" } });
    await program.until(/~ disable {2}ada · .* · disabled · Engineers\n/);
    directory.modify(ada, { replace: { pwdAccountLockedTime: "20260101120000Z" } });
    await program.until(/~ enable {3}ada · .* · active · Engineers\n/);
    directory.modify(engineers, { delete: { member: ada } });
    await program.until(/− leave {4}Engineers: ada · .* · no group\n/);
    directory.delete(engineers);
    await program.until(/~ release {2}Engineers · 0 members\n/);
    program.process.kill("SIGINT");
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/Stopped with 1 user, 1 group, 0 memberships\.\nTo go on from here:\n/);
    // What an entry says cannot speak to the terminal.
    expect(stdout).not.toMatch(control);
  });
});

test("a directory that loses much at once is not followed into it", async () => {
  await using directory = await startSecuredDirectory();
  const person = (uid: string) => `uid=${uid},ou=people,${directory.suffix}`;
  const uids = Array.from({ length: 20 }, (_, number) => `person${number}`);
  for (const uid of uids) {
    directory.add(person(uid), { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
  }
  const program = quickstart.start([...directory.args, "--bind-dn", directory.adminDn], {
    env: { CONCORDAT_PASSWORD: directory.password },
  });
  await program.until(/Following the directory/);
  for (const uid of uids) directory.delete(person(uid));
  const { code, stdout, stderr } = await program.ended;
  expect(code).toBe(1);
  expect(stdout).not.toMatch(/− delete/);
  expect(stdout.match(/~ disable/g)?.length ?? 0).toBeLessThanOrEqual(10);
  expect(stderr).toMatch(
    /^✗ Nothing was changed: .* Begin with a new database if this is what the directory means\.\n$/,
  );
});

describe("a mistake is answered with a sentence that says what to do", () => {
  const secret = "geheim-7342";
  const own = ["--url", "ldap://127.0.0.1:1", "--base", "dc=example,dc=com"];
  test.each([
    ["an unknown option", ["--databse", "x"], /Unknown option '--databse'\./],
    ["an argument", ["ldap://host"], /Unexpected argument 'ldap:\/\/host'\./],
    ["a missing value", ["--url"], /Option '--url <value>' argument missing\./],
    ["no base", ["--url", "ldap://host"], /Say with --base below which entry/],
    ["no URL", ["--base", "dc=example"], /--base is about a directory of your own.*--url/],
    ["an unknown profile", [...own, "--profile", "ad"], /--profile takes inetOrgPerson, rfc2307,/],
    ["a password", [...own, "--password", secret], /leave it out to be asked, or set CONC/],
    [
      "a password with =",
      [...own, `--password=${secret}`],
      /Every user of this machine can read a password/,
    ],
    ["nobody to ask", [...own, "--bind-dn", "cn=a"], /no terminal .*: set CONCORDAT_PASSWORD\./],
  ])("%s, with exit code 2", async (_, args, sentence) => {
    const { code, stdout, stderr } = await quickstart.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^✗ .*\n {2}npm run quickstart -- --help\n$/);
    expect(stderr).not.toContain(secret);
  });

  test.each([
    ["a URL that is none", ["--url", "example"], /--url: It is not a URL\./],
    ["another scheme", ["--url", "https://h"], /--url: Its scheme must be ldap:, ldaps: or/],
    ["a host that is not", ["--url", "ldap://no-such-host.invalid"], /name could not be resolved/],
    ["a port where nobody is", [], /Cannot connect to 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\. /],
    ["a base that is none", ["--base", "somewhere"], /--base: is not a distinguished name\./],
    ["no such file", ["--ca", "/no/ca.pem"], /The file of --ca cannot be read: ENOENT/],
    ["no encryption", ["--bind-dn", "cn=a"], /unencrypted: use an ldaps:\/\/ URL, or add --start/],
  ])("%s, with exit code 1", async (_, args, sentence) => {
    const url = ["--url", `ldap://127.0.0.1:${await unusedPort()}`];
    const { code, stdout, stderr } = await quickstart.run([...url, "--base", "dc=x", ...args], {
      env: { CONCORDAT_PASSWORD: secret },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^✗ .*\n$/);
    expect(stderr).not.toContain(secret);
  });

  test("and so is what only the directory can tell", async () => {
    await using directory = await startSecuredDirectory();
    const complaint = async (args: readonly string[], password: string = directory.password) => {
      const { code, stderr } = await quickstart.run(
        [...directory.args, "--bind-dn", directory.adminDn, ...args],
        { env: { CONCORDAT_PASSWORD: password } },
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(/^✗ .*\n$/);
      expect(stderr).not.toContain(password);
      return stderr;
    };
    expect(await complaint([], secret)).toMatch(/does not accept the name or the password: check/);
    expect(await complaint(["--base", "ou=nowhere,dc=example,dc=com"])).toMatch(/check --base/);
    expect(await complaint(["--filter", "(uid=a"])).toMatch(/search filter has a syntax error/);
    expect(await complaint(["--database", "/no/such/place.sqlite"])).toMatch(
      /The database \/no\/such\/place\.sqlite cannot be opened: unable to open database file\./,
    );
    const { caFile } = await newCertificates();
    expect(await complaint(["--ca", caFile])).toMatch(
      /TLS with localhost failed .* with --ca FILE\./,
    );
  });
});

async function newCertificates(): Promise<Certificates> {
  return await makeCertificates(await mkdtemp(join(quickstart.directory, "certificates-")));
}

/** A directory in this process with ldaps, and the arguments with which it is reached. */
async function startSecuredDirectory(): Promise<Directory & { args: readonly string[] }> {
  const { caFile, certFile, keyFile } = await newCertificates();
  const directory = await startDirectory({
    tls: { cert: await readFile(certFile), key: await readFile(keyFile) },
  });
  const { ldapsUrl = "", suffix } = directory;
  return Object.assign(directory, {
    args: ["--url", ldapsUrl, "--base", suffix, "--ca", caFile],
  });
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
