import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type Company, foundCompany } from "../../examples/federated-validation/company.ts";
import { demonstrate } from "../../examples/federated-validation/demonstration.ts";
import { Instance } from "../../examples/federated-validation/instance.ts";
import { site } from "../../examples/federated-validation/site.ts";
import { installExample } from "./installed-example.js";

const folder = new URL("../../examples/federated-validation/", import.meta.url);

/** The company, and where it is reached. */
interface Running extends AsyncDisposable {
  readonly company: Company;
  readonly url: string;
}

async function start(): Promise<Running> {
  const company = await foundCompany();
  const stop = new AbortController();
  const parent = new Instance("headquarters", site(company, stop.signal));
  await parent.start();
  return {
    company,
    url: parent.url,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await parent.stop();
      await company[Symbol.asyncDispose]();
    },
  };
}

/** Asks with the next password of a token. */
async function ask({ company, url }: Running, user: string): Promise<string> {
  const body = new URLSearchParams({ user, pass: company.tokens.get(user)?.press() ?? "" });
  const response = await fetch(`${url}/validate/check`, { method: "POST", body });
  return answerOf(company, (await response.json()) as Body);
}

/** What is looked at of an answer. */
interface Body {
  readonly detail: { readonly origin?: string } | null;
  readonly result: Readonly<Record<string, unknown>>;
}

/** What an answer says, and who says it. */
function answerOf(company: Company, { detail, result }: Body): string {
  const origin = detail?.origin;
  const child = company.children.find(({ url }) => origin === `${url}/validate/check`);
  const by = origin === undefined ? "headquarters" : child?.name;
  return `${result["authentication"] ?? JSON.stringify(result["error"])} by ${by}`;
}

async function press({ url }: Running, button: string): Promise<number> {
  return (await fetch(`${url}/${button}`, { method: "POST" })).status;
}

test("the other child answers while one is stopped, and the first again when it is back", async () => {
  await using running = await start();
  const { company } = running;
  expect(await ask(running, "ada")).toBe("ACCEPT by headquarters");
  expect(await ask(running, "bruno")).toBe("ACCEPT by north");
  expect(await press(running, "children/north/stop")).toBe(200);
  for (let times = 0; times < 5; times += 1) {
    expect(await ask(running, "bruno")).toBe("ACCEPT by south");
  }
  expect(company.federation.forwarder.breakerState("north")).toBe("open");
  expect(await press(running, "children/north/start")).toBe(200);
  await expect.poll(() => ask(running, "bruno"), { timeout: 5_000 }).toBe("ACCEPT by north");
});

test("a password is good once, whichever child is asked", async () => {
  await using running = await start();
  const pass = running.company.tokens.get("bruno")?.press() ?? "";
  const again = async (): Promise<string> => {
    const query = new URLSearchParams({ user: "bruno", pass });
    const response = await fetch(`${running.url}/validate/check?${query}`);
    return answerOf(running.company, (await response.json()) as Body);
  };
  expect(await again()).toBe("ACCEPT by north");
  expect(await press(running, "children/north/stop")).toBe(200);
  expect(await again()).toBe("REJECT by south");
});

test("when both are stopped it says so, and takes nobody for right or wrong", async () => {
  await using running = await start();
  await press(running, "children/north/stop");
  await press(running, "children/south/stop");
  expect(await ask(running, "bruno")).toContain('The server \\"south\\" cannot be reached.');
  expect(await ask(running, "ada")).toBe("ACCEPT by headquarters");
});

test("in the demonstration a child is stopped and started, and every answer is true", async () => {
  await using running = await start();
  const { company } = running;
  await demonstrate(company, new AbortController().signal);
  const { entries } = company.journal;
  expect(entries.length).toBe(60);
  const [north, south] = company.children.map(({ url }) => `${url}/validate/check`);
  const berta = entries.filter(({ user }) => user === "berta");
  // The newest first: north again in the end, and south as long as north was stopped. How long north is then left in
  // peace is a matter of time, and not of requests.
  expect(berta[0]?.origin).toBe(north);
  const meanwhile = berta.filter(({ number, status }) => number <= 40 && status !== 502);
  expect(meanwhile.length).toBeGreaterThanOrEqual(9);
  expect(new Set(meanwhile.map(({ origin }) => origin))).toEqual(new Set([south]));
  for (const { status, answer } of entries) {
    // What is under way when a child is stopped nobody can answer for.
    if (status !== 502) expect(answer).toBe("ACCEPT");
  }
  expect(entries.filter(({ status }) => status === 502).length).toBeLessThanOrEqual(1);
}, 30_000);

test("the lines of the README work as they stand", async () => {
  await using running = await start();
  const readme = await readFile(new URL("README.md", folder), "utf8");
  const lines = [...readme.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = ""]) =>
    block.trim().split("\n"),
  );
  const said: string[] = [];
  for (const line of lines) {
    const command = line.replaceAll("http://127.0.0.1:8080", running.url);
    const { stdout } = await promisify(execFile)("sh", ["-c", command]);
    said.push(stdout === "" ? "" : answerOf(running.company, JSON.parse(stdout)));
  }
  const unknown =
    '{"code":904,"message":"ERR904: The user can not be found in any resolver in this realm!"}';
  expect(said).toEqual([
    "ACCEPT by headquarters",
    "ACCEPT by north",
    `${unknown} by north`,
    "",
    "ACCEPT by south",
    "",
    "",
  ]);
});

test("one command starts all of them, and a signal ends them", async () => {
  await using example = await installExample("federated-validation");
  const program = example.start(["--port", "0"]);
  await program.until(/Ctrl-C ends all of them\.\n/);
  const [, url = ""] = /^headquarters {2}(\S+)\/ /.exec(program.output()) ?? [];
  const response = await fetch(`${url}/validate/check?user=carla&pass=000000`);
  const { detail } = (await response.json()) as Body;
  const [, north = ""] = /^north {9}(\S+)\/$/m.exec(program.output()) ?? [];
  expect(detail?.origin).toBe(`${north}/validate/check`);
  program.process.kill("SIGTERM");
  expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
}, 60_000);

test("the page is served with what it needs, and no other site may press its buttons", async () => {
  await using running = await start();
  const page = await fetch(running.url);
  const html = await page.text();
  expect(page.headers.get("content-security-policy")).toBe("default-src 'self'; img-src data:");
  const files = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path);
  expect(files).toEqual(["/page.css", "/page.js"]);
  for (const file of files) expect((await fetch(running.url + file)).status).toBe(200);
  const elsewhere = await fetch(`${running.url}/children/north/stop`, {
    method: "POST",
    headers: { "sec-fetch-site": "cross-site" },
  });
  expect(elsewhere.status).toBe(403);
  expect(await ask(running, "bruno")).toBe("ACCEPT by north");
});
