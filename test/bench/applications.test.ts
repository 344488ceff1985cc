import { execFile } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { installWiki, missingMediaWiki, serveWiki } from "../integration/mediawiki.js";
import { copyTemplate } from "../integration/random-template.js";
import {
  requestTrackerIsMissing,
  startRequestTracker,
} from "../integration/request-tracker-server.js";
import { describeWithSlapd, type Slapd, startSlapd } from "../integration/slapd.js";
import { database, installTryton, trytonIsMissing } from "../integration/tryton-server.js";

// `npm run bench -- applications` runs this and prints figures; it is left out otherwise.
const isWanted = process.env["CONCORDAT_BENCH"] === "1";
const people = Number(process.env["CONCORDAT_BENCH_PEOPLE"] ?? 200);
const later = 20;
const limit = 900_000;

/** An application that is filled. */
interface Filled {
  readonly env: Readonly<Record<string, string>>;
  /** Whether it answers with an account of this name. */
  has(name: string): Promise<boolean>;
}

describeWithSlapd("figures of the applications", () => {
  test.runIf(isWanted)(
    "of SQLite",
    async () => {
      await using slapd = await filledDirectory();
      await using template = await copyTemplate("sql");
      const file = join(template.installed.directory, "application.sqlite");
      const has = async (name: string) => {
        using db = new DatabaseSync(file, { readOnly: true });
        return db.prepare("select 1 from person where login = ?").get(name) !== undefined;
      };
      await measure("sql, SQLite", slapd, template, { env: { DATABASE_URL: file }, has });
    },
    limit,
  );

  for (const bcryptCost of [12, 4]) {
    test.runIf(isWanted && requestTrackerIsMissing === undefined)(
      `of Request Tracker, with $BcryptCost = ${bcryptCost}`,
      async () => {
        await using slapd = await filledDirectory();
        const settings = importSettings(slapd);
        if (bcryptCost === 12) {
          await using other = await startRequestTracker({ settings });
          const began = performance.now();
          await promisify(execFile)("rt-ldapimport-5", ["--import"], { env: other.environment });
          report("rt-ldapimport", performance.now() - began);
          const count = "my $us = RT::Users->new(RT->SystemUser); $us->UnLimit; print $us->Count;";
          expect(Number(await other.perl(count))).toBeGreaterThanOrEqual(people);
        }
        await using template = await copyTemplate("request-tracker");
        await using tracker = await startRequestTracker({ bcryptCost });
        const env = {
          RT_URL: tracker.url,
          RT_TOKEN: tracker.token,
          RT_ACCOUNT: "concordat",
          STATE_FILE: join(tracker.directory, "state.sqlite"),
        };
        // As its web interface has it, without a request that hashes a token.
        const has = async (name: string) => {
          using db = new DatabaseSync(join(tracker.directory, "rt5.db"), { readOnly: true });
          db.exec("pragma busy_timeout = 5000");
          return db.prepare("select 1 from Users where Name = ?").get(name) !== undefined;
        };
        const name = `request-tracker, $BcryptCost = ${bcryptCost}`;
        await measure(name, slapd, template, { env, has });
      },
      limit,
    );
  }

  test.runIf(isWanted && missingMediaWiki === undefined)(
    "of MediaWiki",
    async () => {
      await using slapd = await filledDirectory();
      await using template = await copyTemplate("mediawiki");
      await using wikis = await installWiki();
      const wiki = await wikis.copy();
      await using server = await serveWiki(wiki);
      const has = async (name: string) => {
        const query = { action: "query", list: "users", ususers: name };
        const answer = (await server.api(query)) as { query: { users: { userid?: number }[] } };
        return answer.query.users[0]?.userid !== undefined;
      };
      const env = { ...wiki.env, STATE_FILE: join(wiki.data, "state.sqlite") };
      await measure("mediawiki, SQLite", slapd, template, { env, has });
    },
    limit,
  );

  test.runIf(isWanted && trytonIsMissing === undefined)(
    "of Tryton",
    async () => {
      await using slapd = await filledDirectory();
      await using template = await copyTemplate("tryton-scim");
      await using trytons = await installTryton();
      await using server = await trytons.copy();
      const has = async (name: string) => {
        const file = join(server.directory, "db", `${database}.sqlite`);
        using db = new DatabaseSync(file, { readOnly: true });
        db.exec("pragma busy_timeout = 5000");
        return db.prepare("select 1 from res_user where login = ?").get(name) !== undefined;
      };
      const env = { ...server.environment, STATE_FILE: join(server.directory, "state.sqlite") };
      await measure("tryton-scim, Tryton 6.0, SQLite", slapd, template, { env, has });
    },
    limit,
  );
});

async function filledDirectory(): Promise<Slapd> {
  const slapd = await startSlapd();
  for (let index = 0; index < people; index++) await addPerson(slapd, `person${index}`);
  return slapd;
}

async function addPerson(slapd: Slapd, uid: string): Promise<void> {
  const client = await slapd.client();
  await client.add(`uid=${uid},ou=people,${slapd.suffix}`, {
    ...{ objectClass: "inetOrgPerson", uid, cn: `${uid} of the directory`, sn: uid },
    mail: `${uid}@example.com`,
  });
}

/** Fills the application, and then takes the delay from the directory's answer until the application has the account. */
async function measure(
  name: string,
  slapd: Slapd,
  template: Awaited<ReturnType<typeof copyTemplate>>,
  application: Filled,
): Promise<void> {
  const env = {
    ...application.env,
    LDAP_URL: slapd.url,
    LDAP_BASE: slapd.suffix,
    LDAP_BIND_DN: slapd.adminDn,
    LDAP_PASSWORD: slapd.password,
  };
  const began = performance.now();
  const filled = await template.concordat(env, "sync", "--once").ended;
  report(name, performance.now() - began);
  expect(filled.code, filled.stderr).toBe(0);
  const sync = template.concordat(env, "sync");
  try {
    await addPerson(slapd, "first");
    await sync.until(/created +user first/);
    const delays: number[] = [];
    for (let index = 0; index < later; index++) {
      await addPerson(slapd, `later${index}`);
      const changed = performance.now();
      while (!(await application.has(`later${index}`))) await sleep(2);
      delays.push(performance.now() - changed);
    }
    delays.sort((one, other) => one - other);
    const [median = Number.NaN, longest] = [delays[later / 2], delays.at(-1)];
    const text = `${median.toFixed(0)} ms (longest ${longest?.toFixed(0)})`;
    process.stdout.write(`${name}: a new person is there after ${text}\n`);
  } finally {
    sync.process.kill("SIGKILL");
    await sync.ended;
  }
}

function report(name: string, milliseconds: number): void {
  const rate = (people / milliseconds) * 1_000;
  const seconds = (milliseconds / 1_000).toFixed(1);
  process.stdout.write(`${name}: ${people} people in ${seconds} s, ${rate.toFixed(1)} a second\n`);
}

/** What `rt-ldapimport` reads the same people by. */
function importSettings({ url, suffix, adminDn, password }: Slapd): string {
  return `Set($LDAPHost, '${url}'); Set($LDAPUser, '${adminDn}'); Set($LDAPPassword, '${password}');
Set($LDAPBase, '${suffix}'); Set($LDAPFilter, '(objectClass=inetOrgPerson)');
Set($LDAPMapping, { Name => 'uid', EmailAddress => 'mail', RealName => 'cn' });
Set($LDAPCreatePrivileged, 1); Set($LDAPUpdateUsers, 1);`;
}
