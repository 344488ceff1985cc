import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RunningProgram } from "../examples/installed-example.js";
import { postgresIsInstalled, startPostgres } from "../kysely/servers/postgres.js";
import type { SqlServer } from "../kysely/servers/sql-server.js";
import { type CopiedTemplate, copyTemplate } from "./random-template.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";
import { TcpRelay } from "./tcp-relay.js";

vi.setConfig({ testTimeout: 120_000 });

describeWithSlapd(
  "the template for SQL on a real PostgreSQL, when something goes wrong",
  () => {
    let template: CopiedTemplate;
    let slapd: Slapd;
    let postgres: SqlServer;
    let relay: TcpRelay;
    let database: Client;
    let sync: RunningProgram;

    beforeAll(async () => {
      [template, slapd, postgres] = await Promise.all([
        copyTemplate("sql"),
        startSlapd(),
        startPostgres(),
      ]);
      relay = await TcpRelay.start(postgres.socket);
      database = await connected();
      await database.query(`create role application login; create schema application;
        grant all on schema application to application`);
    }, 120_000);
    afterAll(async () => {
      sync?.process.kill("SIGKILL");
      await database?.end();
      await relay?.[Symbol.asyncDispose]();
      await postgres?.[Symbol.asyncDispose]();
      await slapd?.[Symbol.asyncDispose]();
      await template?.[Symbol.asyncDispose]();
    });

    function concordat(...args: readonly string[]): RunningProgram {
      const { port } = new URL(relay.url);
      const env = {
        DATABASE_URL: `postgres://application@127.0.0.1:${port}/postgres?options=-csearch_path%3Dapplication`,
        LDAP_URL: slapd.url,
        LDAP_BASE: slapd.suffix,
        LDAP_BIND_DN: slapd.adminDn,
        LDAP_PASSWORD: slapd.password,
      };
      return template.concordat(env, ...args);
    }

    /** A connection of the administrator. */
    async function connected(): Promise<Client> {
      const client = new Client({
        ...{ user: "postgres", database: "postgres", host: dirname(postgres.socket) },
        options: "-c search_path=application",
      });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    }

    async function status(): Promise<string> {
      return (await concordat("status").ended).stdout;
    }

    /** Tries what was refused now, and not in some minutes. */
    async function retry(): Promise<void> {
      sync.process.kill("SIGTERM");
      expect((await sync.ended).code).toBe(0);
      const retried = await concordat("retry").ended;
      expect(retried.code, retried.stderr).toBe(0);
      sync = concordat("sync");
    }

    const dnOf = (uid: string) => `uid=${uid},ou=people,${slapd.suffix}`;

    async function addPerson(uid: string, more: Record<string, string> = {}): Promise<void> {
      const client = await slapd.client();
      await client.add(dnOf(uid), { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid, ...more });
    }

    /** The accounts of a login, and those that had it. */
    async function people(login: string): Promise<string> {
      const { rows } = await database.query(
        "select login, disabled from person where login ~ ('^' || $1 || '(~.*)?$') order by id",
        [login],
      );
      return rows.map((row) => `${row.login}${row.disabled === 0 ? "+" : "-"}`).join(" ");
    }

    async function becomes(expected: string, login: string): Promise<void> {
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
        if ((await people(login)) === expected) return;
      }
      expect(await people(login), sync.output()).toBe(expected);
    }

    test("it is down when the command starts: that waits and says so, and does its work when it is back", async () => {
      await addPerson("ada");
      relay.refuse();
      const refused = await concordat("status").ended;
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /^The connection to the database was lost\. \(.+\) \(unavailable\)\n$/,
      );
      sync = concordat("sync");
      await sync.until(/waiting 200 ms for a store: The connection to the database was lost/);
      relay.accept();
      await sync.until(/created +user ada/);
      await becomes("ada+", "ada");
    });

    test("it dies in the middle: the command waits, and everybody is there once", async () => {
      const names = Array.from({ length: 12 }, (_, number) => `person${number}`);
      for (const name of names) {
        await addPerson(name);
        if (name === "person5") relay.refuse();
      }
      await sync.until(/waiting \d+ ms for a store/);
      relay.accept();
      await becomes("person11+", "person11");
      for (const name of names) expect(await people(name)).toBe(`${name}+`);
      expect(await status()).toMatch(/ 0 refused/);
    });

    test("it is silent, and somebody else holds a row: nothing is lost", async () => {
      relay.pause();
      await addPerson("silent");
      await sleep(2_000);
      expect(await people("silent")).toBe("");
      relay.resume();
      await becomes("silent+", "silent");
      await database.query("begin; lock table person in share mode");
      await addPerson("locked");
      await postgres.untilSomebodyWaits();
      await database.query("commit");
      await becomes("locked+", "locked");
    });

    test("it refuses one person: that one is kept with its reason, and the others go on", async () => {
      await database.query(`create function refuse() returns trigger language plpgsql as $$
        begin if new.login = 'unwanted' then raise exception 'The trigger says no.'; end if; return new; end $$;
        create trigger refuse before insert on person for each row execute function refuse()`);
      await addPerson("unwanted");
      await addPerson("zoe");
      await becomes("zoe+", "zoe");
      expect(await people("unwanted")).toBe("");
      expect(await status()).toMatch(/unwanted: .*The trigger says no\./);
      await database.query("drop trigger refuse on person");
      await retry();
      await becomes("unwanted+", "unwanted");
    });

    test("an address is taken by hand: the person is refused until it is free, and then made", async () => {
      await database.query("create unique index on person (email)");
      await database.query(`insert into person (login, login_key, email, created_at)
        values ('byhand', 'byhand', 'max@example.com', '')`);
      await addPerson("max", { mail: "max@example.com" });
      await addPerson("lea");
      await becomes("lea+", "lea");
      expect(await people("max")).toBe("");
      expect(await status()).toMatch(/max: /);
      await database.query("update person set email = null where login = 'byhand'");
      await retry();
      await becomes("max+", "max");
      expect(await status()).not.toMatch(/max: /);
    });

    test("its account is locked: the command waits and says so, and goes on when it is not", async () => {
      await database.query("alter role application nologin");
      // The connection of this test is ended with the others.
      await postgres.endConnections();
      database = await connected();
      await addPerson("late");
      await sync.until(/waiting \d+ ms for a store: .*not permitted to log in/);
      await database.query("alter role application login");
      await becomes("late+", "late");
    });

    test("a right of its account is revoked: the command waits and says so, and goes on when it is granted", async () => {
      await database.query("alter table person owner to postgres");
      await database.query("revoke insert on person from application");
      await database.query("grant select, update, delete on person to application");
      await addPerson("eve");
      await sync.until(/waiting \d+ ms for a store: .*permission denied for table person/);
      await database.query("alter table person owner to application");
      await becomes("eve+", "eve");
    });
  },
  postgresIsInstalled ? undefined : "install the Debian package postgresql",
);
