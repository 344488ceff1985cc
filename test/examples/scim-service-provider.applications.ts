import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type InstalledExample, installExample, type RunningProgram } from "./installed-example.js";

const readme = readFileSync(
  fileURLToPath(new URL("../../examples/scim-service-provider/README.md", import.meta.url)),
  "utf8",
);
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
const token = "token-of-the-tests";

let example: InstalledExample;
let port: number;

beforeAll(async () => {
  example = await installExample("scim-service-provider");
}, 120_000);
afterAll(() => example?.[Symbol.asyncDispose]());

async function started(env: Readonly<Record<string, string>> = {}): Promise<RunningProgram> {
  port = await unusedPort();
  const program = example.start([], { env: { PORT: String(port), TOKEN: token, ...env } });
  await program.until(/^export SCIM=/m);
  return program;
}

async function stopped(program: RunningProgram): Promise<void> {
  program.process.kill("SIGINT");
  expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
}

async function page(path = "/"): Promise<string> {
  return await (await fetch(`http://localhost:${port}${path}`)).text();
}

/** The text of the page, without its tags. */
async function words(): Promise<string> {
  return (await page())
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll(/\s+/g, " ");
}

/** Runs blocks of the README, one after the other, in one shell. */
async function run(some: readonly string[]): Promise<string> {
  const env = { SCIM: `http://localhost:${port}/scim/v2`, TOKEN: token };
  const script = ["set -e", ...some].join("\n");
  const { code, stdout, stderr } = await example.startCommand(["bash", "-c", script], { env })
    .ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** The blocks of the README up to the one in which this stands. */
function upTo(text: string): readonly string[] {
  const at = blocks.findIndex((block) => block.includes(text));
  if (at < 0) throw new Error(`No block of the README has "${text}".`);
  return blocks.slice(0, at + 1);
}

describe("the requests of the README", () => {
  test("put a user into a team by a group, as the page then shows", async () => {
    const program = await started();
    const stdout = await run(upTo("/mappings"));
    expect(stdout).toContain('"schemas":["urn:ietf:params:scim:schemas:core:2.0:ServiceProv');
    expect(stdout).toMatch(/"totalResults":1,.*"userName":"ada@example.com"/);
    const text = await words();
    expect(text).toContain("ada@example.com Ada Lovelace active Support");
    expect(text).toContain("Engineers 1 Support ×");
    expect(text).toContain("Editors: 0 Support: 1");
    expect(text).toContain('GET /Users filter=userName eq "ADA@example.com"');
    await stopped(program);
  });

  test("end with the user taken out, disabled and deleted, each told of in the log", async () => {
    const program = await started();
    await run(blocks);
    const text = await words();
    expect(text).toContain("has sent nobody yet");
    expect(text).toContain("Engineers 0 Support ×");
    expect(text).toContain("Editors: 0 Support: 0");
    expect(text).toMatch(/204 DELETE .*200 PATCH .*Rewritten: active \(booleanText\)/);
    await stopped(program);
  });
});

test("what is written into a file is there after a restart, and so are the mappings", async () => {
  const env = { DATABASE: `${example.directory}/application.sqlite` };
  const first = await started(env);
  await run(upTo("/mappings"));
  await stopped(first);
  const second = await started(env);
  const text = await words();
  expect(text).toContain("ada@example.com Ada Lovelace active Support");
  expect(text).toContain("Engineers 1 Support ×");
  await stopped(second);
});

test("requests come to the page as they are made, refused ones too, without the token", async () => {
  const program = await started();
  const abort = new AbortController();
  const events = await fetch(`http://localhost:${port}/events`, { signal: abort.signal });
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  await reader?.read();
  await fetch(`http://localhost:${port}/scim/v2/Users?filter=<b>`, {
    headers: { authorization: "Bearer wrong-secret" },
  });
  let text = "";
  while (!text.includes("</li>")) text += (await reader?.read())?.value ?? "";
  expect(text).toContain("event: request");
  expect(text).toMatch(/<strong>401<\/strong> <code>GET \/Users filter=&lt;b&gt;<\/code>/);
  expect(text).not.toContain("wrong-secret");
  abort.abort();
  await stopped(program);
});

const executablePath = "/usr/bin/chromium";
test.skipIf(!existsSync(executablePath) && process.env["CI"] !== "true")(
  "the page shows requests as they come, maps a group, and fits a narrow window (needs the Debian package chromium)",
  async () => {
    const program = await started();
    // Chromium's own sandbox needs rights that containers do not give, and is not what is tested.
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    const page = await browser.newPage({ viewport: { width: 320, height: 640 } });
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    await page.goto(`http://localhost:${port}/`);
    await page.getByText("has sent no group yet").waitFor();
    // Without a reload:
    await run(upTo('"displayName": "Engineers"'));
    await page.getByRole("row", { name: /^Engineers/ }).waitFor();
    await page.getByRole("log").getByText("POST /Groups").waitFor();
    await page.getByLabel("into").selectOption("Support");
    await page.getByRole("button", { name: "Map", exact: true }).click();
    await page.getByRole("row", { name: "ada@example.com Ada Lovelace active Support" }).waitFor();
    await page.getByRole("button", { name: "Take back Engineers to Support" }).click();
    await page.getByText("Support: 0").waitFor();
    const overflow = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    expect({ overflow, complaints }).toEqual({ overflow: false, complaints: [] });
    await browser.close();
    await stopped(program);
  },
);

describe.skipIf(!existsSync(executablePath) && process.env["CI"] !== "true")(
  "the console (needs the Debian package chromium)",
  () => {
    test.each([
      [390, "light"],
      [390, "dark"],
      [820, "dark"],
      [1400, "light"],
    ] as const)("plays an identity provider, at %i pixels, %s", async (width, colorScheme) => {
      const program = await started();
      const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`http://localhost:${port}/`);
      const choice = page.getByLabel("Send what it sends when");
      for (const name of ["entra-group-lifecycle", "entra-user-lifecycle", "okta-user-by-patch"]) {
        await choice.selectOption(name);
        await page.getByRole("button", { name: "Send" }).click();
        await page.getByRole("log").getByText("GET /Users").first().waitFor();
      }
      const log = page.getByRole("log");
      await log
        .getByText(/^Rewritten: /)
        .first()
        .waitFor();
      await page.getByLabel("Put members of").selectOption("Engine builders");
      await page.getByRole("button", { name: "Map", exact: true }).click();
      await page
        .getByRole("row", { name: /ada@example.com.*active.*Editors.*Engine builders/ })
        .waitFor();
      await page.getByRole("row", { name: /Ada.King@example.com.*disabled/ }).waitFor();
      const unlabelled =
        await page.evaluate(`[...document.querySelectorAll("input, select, button")]
        .filter((one) => one.type !== "hidden" && !one.labels?.length && !one.textContent.trim() && !one.ariaLabel)
        .map((one) => one.outerHTML)`);
      const overflow = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
      expect({ overflow, complaints, unlabelled }).toEqual({
        overflow: false,
        complaints: [],
        unlabelled: [],
      });
      await browser.close();
      await stopped(program);
    });
  },
);

test("who is disabled does not count in a team, and does again when active", async () => {
  const program = await started();
  await run(upTo("/mappings"));
  expect(await words()).toContain("Editors: 0 Support: 1");
  const ada = /"id":"([^"]*)"/.exec(
    await (
      await fetch(`http://localhost:${port}/scim/v2/Users`, {
        headers: { authorization: `Bearer ${token}` },
      })
    ).text(),
  )?.[1];
  for (const [active, members] of [
    [false, 0],
    [true, 1],
  ] as const) {
    await fetch(`http://localhost:${port}/scim/v2/Users/${ada}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
      body: JSON.stringify({
        schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        Operations: [{ op: "replace", path: "active", value: active }],
      }),
    });
    expect(await words()).toContain(`Editors: 0 Support: ${members}`);
  }
  await stopped(program);
});

test("the recordings of the console are those that the tests of the identity providers hold", () => {
  const folder = new URL("../../examples/scim-service-provider/recordings/", import.meta.url);
  const names = readdirSync(folder);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const [, provider, file] = /^(\w+)-(.*)$/.exec(name) ?? [];
    const held = JSON.parse(
      readFileSync(new URL(`../interop/${provider}/${file}`, import.meta.url), "utf8"),
    );
    const { steps } = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
    const requests = held.exchanges.map(
      (one: { what: string; request: object; created?: string }) => ({
        what: one.what,
        ...one.request,
        ...(one.created !== undefined && { created: one.created }),
      }),
    );
    expect(steps).toEqual(requests);
  }
});

test("nobody maps groups from another site, and no group that is not there is mapped", async () => {
  const program = await started();
  const post = (origin: string): Promise<Response> =>
    fetch(`http://localhost:${port}/mappings`, {
      method: "POST",
      headers: { origin },
      body: new URLSearchParams({ external: "nothing", local: "1" }),
    });
  expect((await post("https://evil.example")).status).toBe(403);
  expect((await post(`http://localhost:${port}`)).status).toBe(404);
  await stopped(program);
});

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
