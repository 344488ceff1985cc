import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { nodeListener } from "concordat/node";
import { chromium } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type Company, foundCompany } from "../../examples/many-applications/company.ts";
import { demonstrate } from "../../examples/many-applications/demonstration.ts";
import type { LogChoice } from "../../examples/many-applications/log.ts";
import { site } from "../../examples/many-applications/site.ts";
import { natsBinary, natsIsInstalled } from "../change-log/nats-server.js";
import { installExample } from "./installed-example.js";

/** The company, and where its page is. */
interface Running extends AsyncDisposable {
  readonly company: Company;
  readonly url: string;
}

async function start(choice: LogChoice = {}): Promise<Running> {
  const company = await foundCompany(choice);
  const stop = new AbortController();
  const server = createServer(nodeListener(site(company, stop.signal)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    company,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      stop.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await company[Symbol.asyncDispose]();
    },
  };
}

/** How many people, groups and memberships the directory has. */
function contentOf({ directory }: Company) {
  const groups = directory.entries({ filter: "(objectClass=groupOfNames)" });
  return {
    users: directory.entries({ filter: "(objectClass=inetOrgPerson)" }).length,
    groups: groups.length,
    memberships: groups.flatMap(({ attributes: { member = [] } }) => member).length,
  };
}

async function expectAllEqual(company: Company): Promise<void> {
  for (const application of company.applications) {
    await expect.poll(() => application.counts()).toEqual(contentOf(company));
    await expect.poll(() => application.lag()).toEqual({ known: true, isAhead: false, changes: 0 });
  }
}

describe.each([
  ["a file of SQLite", true, {}],
  [
    `NATS JetStream${natsIsInstalled ? "" : " (install the peer nats: bash .ci/peers/install nats)"}`,
    natsIsInstalled,
    { server: natsBinary },
  ],
] as const)("with the log in %s", (_, isThere, choice) => {
  test.skipIf(!isThere)(
    "all three have what the directory has, although one was stopped and one began late",
    async () => {
      await using running = await start(choice);
      const { company } = running;
      const [, , wiki] = company.applications;
      expect(wiki.state).toBe("not begun");
      await demonstrate(company, new AbortController().signal);
      expect(company.changes.count).toBe(60);
      await expectAllEqual(company);
    },
    120_000,
  );
});

test("who is stopped is behind by what the directory changes meanwhile, by the lines of the README", async () => {
  await using running = await start();
  const { company, url } = running;
  const [mail, payroll, wiki] = company.applications;
  for (const one of [mail, payroll]) await expect.poll(() => one.state).toBe("following");
  const readme = await readFile(
    new URL("../../examples/many-applications/README.md", import.meta.url),
    "utf8",
  );
  const [block = ""] = /(?<=```sh\n).*?(?=```)/s.exec(readme) ?? [];
  const lines = block.trim().split("\n");
  const run = async (line = "") =>
    await promisify(execFile)("sh", ["-c", line.replaceAll("http://127.0.0.1:8080", url)]);
  for (const line of lines.slice(0, 3)) await run(line);
  expect(payroll.state).toBe("stopped");
  // The person, and the group that the person joins.
  await expect.poll(() => payroll.lag()).toEqual({ known: true, isAhead: true, changes: 2 });
  expect(await wiki.lag()).toBe(undefined);
  for (const line of lines.slice(3)) await run(line);
  await expectAllEqual(company);
  // Payroll has read what it had missed, and no more.
  expect(payroll.done.created).toBe(1);
  expect(wiki.done.created).toBe(361 + 40);
});

test("one command starts all of them, and a signal ends them", async () => {
  await using example = await installExample("many-applications");
  const program = example.start(["--port", "0"]);
  await program.until(/Ctrl-C ends all of them\.\n/);
  const [, url = ""] = /^page {2}(\S+)\/$/m.exec(program.output()) ?? [];
  const response = await fetch(`${url}/state`);
  expect(await response.json()).toMatchObject({ directory: { users: 360, groups: 40 } });
  program.process.kill("SIGTERM");
  expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
}, 60_000);

test("no other site may press the buttons", async () => {
  await using running = await start();
  const pressed = await fetch(`${running.url}/change`, {
    method: "POST",
    headers: { "sec-fetch-site": "cross-site" },
  });
  expect(pressed.status).toBe(403);
  expect(running.company.changes.count).toBe(0);
});

const executablePath = "/usr/bin/chromium";

describe.skipIf(!existsSync(executablePath) && process.env["CI"] !== "true")(
  "the page (needs the Debian package chromium)",
  () => {
    test.each([
      [390, "light"],
      [390, "dark"],
      [768, "dark"],
      [1280, "light"],
    ] as const)(
      "shows who is behind, stops and starts, at %i pixels, %s",
      async (width, colorScheme) => {
        await using running = await start();
        // Chromium's own sandbox needs rights that containers do not give, and is not what is tested.
        const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
        const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
        const complaints: string[] = [];
        page.on("console", (message) => complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(error.message));
        await page.goto(running.url);
        const item = (name: string) => page.getByRole("listitem").filter({ hasText: name });
        await item("mail").getByText("following", { exact: true }).waitFor();
        await item("wiki").getByText("not begun", { exact: true }).waitFor();
        await page.getByRole("button", { name: "Stop payroll" }).click();
        await item("payroll").getByText("stopped", { exact: true }).waitFor();
        await page.getByRole("button", { name: "Change the directory" }).click();
        await page.getByText("nia.0 begins").waitFor();
        await item("payroll").getByText("1 change behind").waitFor();
        await page.getByRole("button", { name: "Start wiki" }).click();
        await item("wiki").getByText("361").waitFor();
        const folder = process.env["CONCORDAT_PICTURES"];
        if (folder !== undefined) {
          await page.screenshot({ path: `${folder}/${width}-${colorScheme}.png`, fullPage: true });
        }
        await page.getByRole("button", { name: "Start payroll" }).click();
        await item("payroll").getByText("nothing left to read").waitFor();
        const unlabelled =
          await page.evaluate(`[...document.querySelectorAll("input, select, button")]
          .filter((one) => !one.labels?.length && !one.textContent.trim() && !one.ariaLabel)
          .map((one) => one.outerHTML)`);
        const overflow = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
        expect({ overflow, complaints, unlabelled }).toEqual({
          overflow: false,
          complaints: [],
          unlabelled: [],
        });
        await browser.close();
      },
      120_000,
    );
  },
);
