import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InstalledExample, installExample } from "../examples/installed-example.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

describeWithSlapd("the quick start with a real slapd", () => {
  let quickstart: InstalledExample;
  let slapd: Slapd;
  beforeAll(async () => {
    quickstart = await installExample("quickstart");
    slapd = await startSlapd({ tls: true, ldapi: true });
    await ldapmodify(
      slapd,
      `dn: uid=ada,ou=people,${slapd.suffix}
changetype: add
objectClass: inetOrgPerson
uid: ada
cn: Ada Lovelace
sn: Lovelace
displayName: Ada Lovelace

dn: cn=Engineers,ou=groups,${slapd.suffix}
changetype: add
objectClass: groupOfNames
cn: Engineers
member: uid=ada,ou=people,${slapd.suffix}
`,
    );
  });
  afterAll(async () => {
    await slapd?.[Symbol.asyncDispose]();
    await quickstart?.[Symbol.asyncDispose]();
  });

  const credentials = () => ["--bind-dn", slapd.adminDn];
  const secured = () => [
    ...["--url", slapd.ldapsUrl ?? "", "--base", slapd.suffix, "--ca", slapd.caFile ?? ""],
    ...credentials(),
  ];
  const env = () => ({ CONCORDAT_PASSWORD: slapd.password });

  test("a change is in the tables within a second, and the next run goes on from there", async () => {
    const database = join(quickstart.directory, "application.sqlite");
    const args = [...secured(), "--database", database];
    const first = quickstart.start(args, { env: env() });
    await first.until(/✓ 1 user, 1 group, 1 membership in .*\n\nFollowing the directory/);
    expect(await readFile(`/proc/${first.process.pid}/cmdline`, "utf8")).not.toContain("secret");

    await ldapmodify(
      slapd,
      `dn: uid=ada,ou=people,${slapd.suffix}
changetype: modify
replace: displayName
displayName: Ada King
`,
    );
    const answered = performance.now();
    await untilItHolds(database, "select display_name from concordat_user", "Ada King");
    const delay = performance.now() - answered;
    expect(
      delay,
      `The change arrived after ${delay} ms; a second is promised, and one more allowed on a busy machine.`,
    ).toBeLessThanOrEqual(2000);
    await first.until(/~ update +ada · Ada King · active · Engineers\n/);
    first.process.kill("SIGINT");
    const ended = await first.ended;
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const [, command = ""] =
      /To go on from here:\n {2}npm run quickstart -- (.*)\n/.exec(ended.stdout) ?? [];
    expect(command.split(" ").sort()).toEqual([...args, "--profile", "inetOrgPerson"].sort());

    await ldapmodify(
      slapd,
      `dn: uid=ada,ou=people,${slapd.suffix}
changetype: modrdn
newrdn: uid=ada.king
deleteoldrdn: 1

dn: uid=bob,ou=people,${slapd.suffix}
changetype: add
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Babbage
`,
    );
    const second = quickstart.start(command.split(" "), { env: env() });
    await second.until(/Resuming from the checkpoint in the database, with\n {2}1 user, 1 group, /);
    await second.until(/~ rename +ada → ada\.king · Ada King/);
    await second.until(/\+ create +bob/);
    await second.until(/Following the directory/);
    const live = second.output().length;
    await ldapmodify(slapd, `dn: uid=bob,ou=people,${slapd.suffix}\nchangetype: delete\n`);
    await second.until(/~ disable +bob · disabled · no group\n/, live);
    second.process.kill("SIGTERM");
    expect(await second.ended).toMatchObject({ code: 0, stderr: "" });
    expect(rows(database, "select user_name from concordat_user")).toEqual(["ada.king", "bob"]);
  }, 60_000);

  test.each([
    ["StartTLS", () => ["--url", slapd.url.replace("127.0.0.1", "localhost"), "--start-tls"]],
    ["a base and a filter", () => [...secured(), "--filter", "(cn=Engineers)"]],
    ["another profile", () => [...secured(), "--profile", "rfc2307bis"]],
  ])("with %s", async (_, more) => {
    const program = quickstart.start([...secured(), ...more()], { env: env() });
    await program.until(/✓ \d users?, 1 group, .*\n\nFollowing the directory/);
    program.process.kill("SIGINT");
    expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("with a local socket, as the user who runs it", async () => {
    const program = quickstart.start(["--url", slapd.ldapiUrl ?? "", "--base", slapd.suffix]);
    await program.until(/✓ \d users?, 1 group, .*\n\nFollowing the directory/);
    program.process.kill("SIGINT");
    expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("a wrong password is refused in one sentence", async () => {
    const run = await quickstart.run(secured(), { env: { CONCORDAT_PASSWORD: "wrong-7342" } });
    expect(run).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^✗ The directory does not accept the name or the password: .*\n$/,
      ),
    });
  });
});

/** Changes the directory as an administrator does, and waits for its answer. */
async function ldapmodify(slapd: Slapd, ldif: string): Promise<void> {
  const { url, adminDn, password } = slapd;
  const changing = promisify(execFile)("ldapmodify", [
    "-x",
    "-H",
    url,
    "-D",
    adminDn,
    "-w",
    password,
  ]);
  changing.child.stdin?.end(ldif);
  await changing;
}

function rows(database: string, sql: string): unknown[] {
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    return db.prepare(sql).all().flatMap(Object.values);
  } finally {
    db.close();
  }
}

/** Looks into the file until a query answers with this one value. */
async function untilItHolds(database: string, sql: string, value: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(10)) {
    if (rows(database, sql).includes(value)) return;
  }
  throw new Error(`"${sql}" never said ${value}, but ${rows(database, sql)}.`);
}
