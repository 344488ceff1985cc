import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTables,
  KyselyGroupMappingRepository,
  KyselyGroupRepository,
  KyselyMembershipRepository,
  nodeSqliteDialect,
} from "concordat/kysely";
import { nodeListener } from "concordat/node";
import { inMemoryTarget } from "concordat/repositories";
import { Kysely } from "kysely";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { foundCompany } from "../../examples/federated-validation/company.ts";
import { Instance } from "../../examples/federated-validation/instance.ts";
import { site } from "../../examples/federated-validation/site.ts";
import { demonstrationPassword } from "../../examples/simple-sso/server-site.ts";
import { startSites } from "../../examples/simple-sso/sites.ts";
import { openDatabase } from "../../examples/sql/database.ts";
import { applicationTarget, createAllTables } from "../../examples/sql/repositories.ts";
import { pageHandler } from "../../examples/tryton-scim/page.ts";
import { ScimGroups } from "../../examples/tryton-scim/scim-groups.ts";
import { installExample } from "./installed-example.js";
import { isWithoutBrowser, pageFaults, startBrowser } from "./page-faults.js";

/** Names as long as real ones. */
const longName = "bartholomew.featherstonehaugh@analytical-engines.example.com";
const longGroup = "Information-Technology-Operations-Berlin";

describe.skipIf(isWithoutBrowser)(
  "the pages of the examples in Chromium (needs the Debian package chromium)",
  { timeout: 240_000 },
  () => {
    let browser: Browser;
    let directory: string;
    beforeAll(async () => {
      browser = await startBrowser();
      directory = await mkdtemp(join(tmpdir(), "concordat-pages-"));
    }, 60_000);
    afterAll(async () => {
      await browser?.close();
      await rm(directory, { recursive: true, force: true });
    });

    test("people and teams of the template for SQL", async () => {
      const file = join(directory, "application.sqlite");
      const db = await openDatabase(file);
      await createAllTables(db, file);
      const { users, groups } = applicationTarget(db);
      const ada = await users.create({ userName: longName, name: { familyName: longGroup } });
      await users.create({ userName: "grace", active: false });
      await groups?.create({ displayName: longGroup, members: [{ value: ada.id }] });
      await db.destroy();
      await using example = await installExample("sql");
      const program = example.start([], { env: { DATABASE_URL: file, PORT: "0" } });
      await program.until(/at (http\S+)/);
      const [, url = ""] = /at (http\S+)/.exec(program.output()) ?? [];
      const faults = await pageFaults(browser, url, async (page, look) => {
        await page.getByRole("row", { name: new RegExp(`${longName}.*active`) }).waitFor();
        await page.getByRole("cell", { name: "disabled" }).waitFor();
        await look();
      });
      expect(faults).toEqual([]);
      program.process.kill("SIGTERM");
      expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
    });

    test("the mappings of the template for Tryton, with other groups in the place of Tryton's", async () => {
      const db = new Kysely<unknown>({
        dialect: nodeSqliteDialect({ path: join(directory, "tryton.sqlite") }),
      });
      onTestFinished(() => db.destroy());
      await createTables(db, { sets: ["groupMapping", "resources", "sync"] });
      const { users, groups: trytonGroups } = inMemoryTarget();
      const groups = new ScimGroups({
        stored: new KyselyGroupRepository(db, { users: "elsewhere" }),
        local: trytonGroups,
        mappings: new KyselyGroupMappingRepository(db),
        memberships: new KyselyMembershipRepository(db),
      });
      const ada = await users.create({ userName: longName, active: true });
      await users.create({ userName: "grace", active: false });
      await trytonGroups.create({ displayName: "Production" });
      await groups.create({ displayName: longGroup, members: [{ value: ada.id }] });
      const hosts: string[] = [];
      const provider = { users, groups, trytonGroups };
      const server = createServer(nodeListener(pageHandler(provider, hosts)));
      const url = await listening(server);
      hosts.push(new URL(url).host);
      const faults = await pageFaults(browser, url, async (page, look) => {
        await look();
        await page.getByRole("button", { name: "Map", exact: true }).click();
        await page.getByText("Done: 1 added, 0 removed.").waitFor();
        await look();
        await page.getByRole("button", { name: `Unmap ${longGroup} from Production` }).click();
        await page.getByText("Done: 0 added, 1 removed.").waitFor();
      });
      expect(faults).toEqual([]);
    });

    test("federated validation, with a child that is stopped and a user whom nobody knows", async () => {
      await using company = await foundCompany();
      const stop = new AbortController();
      const parent = new Instance("headquarters", site(company, stop.signal));
      await parent.start();
      const faults = await pageFaults(browser, parent.url, async (page, look) => {
        const answers = page.getByRole("table", { name: "Answers" });
        const status = page.getByRole("status");
        for (const user of ["ada", "bruno"]) {
          await page.getByLabel("User", { exact: true }).selectOption(user);
          await page.getByRole("button", { name: "Press the token" }).click();
          await expect.poll(() => page.getByLabel("One-time").inputValue()).not.toBe("");
          await page.getByRole("button", { name: "Check" }).click();
          // After a stop, south answers for a while.
          const by = user === "ada" ? "headquarters" : "(north|south)";
          await status.getByText(/^ACCEPT/).waitFor();
          await answers
            .getByRole("row", { name: new RegExp(`${user} ${by} ACCEPT`) })
            .first()
            .waitFor();
        }
        await look();
        await page.getByRole("button", { name: "Stop north", exact: true }).click();
        await page.getByRole("button", { name: "Start north" }).waitFor();
        await look();
        await page.getByRole("button", { name: "Start north" }).click();
        await page.getByRole("button", { name: "Stop north", exact: true }).waitFor();
        await page.getByLabel("User", { exact: true }).selectOption("carla");
        await page.getByLabel("One-time").fill("000000");
        await page.getByRole("button", { name: "Check" }).click();
        await status.getByText("ERR904").waitFor();
        await look();
      });
      stop.abort();
      await parent.stop();
      // The browser reports every response of 400 or more.
      expect(faults.filter((one) => !one.includes("the server responded with a status"))).toEqual(
        [],
      );
    });

    test("many applications, with one that is stopped and one that begins late", async () => {
      await using example = await installExample("many-applications");
      const program = example.start(["--port", "0"]);
      await program.until(/Ctrl-C/);
      const [, url = ""] = /^page {2}(\S+)$/m.exec(program.output()) ?? [];
      const faults = await pageFaults(browser, url, async (page, look) => {
        await page.getByRole("heading", { name: "payroll" }).waitFor();
        await look();
        await page.getByRole("button", { name: "Stop payroll" }).click();
        await page.getByRole("button", { name: "Change the directory" }).click();
        await page.getByRole("button", { name: "Start payroll" }).waitFor();
        await look();
        await page.getByRole("button", { name: "Start payroll" }).click();
        await page.getByRole("button", { name: "Stop payroll" }).waitFor();
      });
      expect(faults).toEqual([]);
      program.process.kill("SIGTERM");
      expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
    });

    test("every page of the sites of simple-sso, those of errors too", async () => {
      await using running = await startSites({
        data: await mkdtemp(join(directory, "sites-")),
        port: 0,
      });
      const urlOf = (site: string): string =>
        `${running.sites.find(({ name }) => name === site)?.origin}/`;
      const faults = await pageFaults(browser, urlOf("Wiki"), async (page, look) => {
        await look();
        await page.getByRole("link", { name: "Sign in with Accounts" }).click();
        for (const password of ["wrong", demonstrationPassword]) {
          await look();
          await page.getByLabel("User name").fill("ada");
          await page.getByLabel("Password").fill(password);
          await page.getByRole("button", { name: "Sign in" }).click();
        }
        await page.getByRole("heading", { name: "Your profile" }).waitFor();
        await look();
        for (const url of [urlOf("Wiki"), urlOf("Shop"), urlOf("Accounts")]) {
          await page.goto(url);
          await look();
          await page.goto(`${url}nowhere`);
          await page.getByRole("heading", { name: "There is no such page" }).waitFor();
          await look();
        }
      });
      expect(faults.filter((one) => !/status of (?:422|404)/.test(one))).toEqual([]);
    });

    test("the console of the service provider, with nothing in it and after what is sent", async () => {
      await using example = await installExample("scim-service-provider");
      const env = { PORT: String(await unusedPort()), TOKEN: "a-token-of-the-tests" };
      const program = example.start([], { env });
      await program.until(/^export SCIM=/m);
      const faults = await pageFaults(
        browser,
        `http://localhost:${env.PORT}/`,
        async (page, look) => {
          await look();
          for (const name of [
            "entra-group-lifecycle",
            "entra-user-lifecycle",
            "okta-user-by-put",
          ]) {
            await page.getByLabel("Send what it sends when").selectOption(name);
            await page.getByRole("button", { name: "Send" }).click();
            await page
              .getByRole("log")
              .getByText(/POST|PATCH|PUT/)
              .first()
              .waitFor();
          }
          await page.getByRole("log").locator("summary").first().click();
          await page.getByRole("button", { name: "Map", exact: true }).click();
          await page
            .getByRole("button", { name: /^Take back/ })
            .first()
            .waitFor();
          await look();
        },
      );
      expect(faults).toEqual([]);
      program.process.kill("SIGINT");
      expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
    });
  },
);

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  const url = new URL(await listening(server));
  await new Promise((resolve) => server.close(resolve));
  return Number(url.port);
}
