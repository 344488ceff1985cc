import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { demonstrationPassword } from "../../examples/simple-sso/server-site.ts";
import { type Sites, startSites } from "../../examples/simple-sso/sites.ts";

/** Lists what is wrong with a page for those who cannot see it well, or at all. Runs in the browser. */
const barriers = await readFile(new URL("accessibility-barriers.js", import.meta.url), "utf8");

const executablePath = "/usr/bin/chromium";
const what = "install the Debian package chromium";

/** Tests that need a browser, which are skipped without it, and fail in continuous integration. */
function describeWithChromium(name: string, body: () => void): void {
  // A browser takes its time where other tests have the cores.
  if (existsSync(executablePath)) describe(name, { timeout: 120_000 }, body);
  else if (process.env["CI"] === "true") {
    test(name, () => {
      throw new Error(`There is no Chromium here: ${what}.`);
    });
  } else {
    describe.skip(`${name} (${what})`, body);
  }
}

describeWithChromium("the sites of the example simple-sso, in Chromium", () => {
  let browser: Browser;
  let data: string;
  let running: Sites;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    // Chromium's own sandbox needs rights that containers do not give, and is not what is tested.
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  }, 60_000);
  afterAll(() => browser.close());

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), "simple-sso-test-"));
    running = await startSites({ data, port: 0 });
    context = await newContext();
    page = await context.newPage();
  }, 60_000);
  afterEach(async () => {
    await context.close();
    await running[Symbol.asyncDispose]();
    await rm(data, { recursive: true });
  });

  async function newContext(): Promise<BrowserContext> {
    // A narrow window: what fits into it fits everywhere.
    return await browser.newContext({ viewport: { width: 320, height: 640 } });
  }

  async function startAtSomePort(): Promise<{ sites: Sites; port: number }> {
    data = await mkdtemp(join(data, "restarted-"));
    for (;;) {
      const port = 20_000 + Math.floor(Math.random() * 10_000);
      try {
        return { sites: await startSites({ data, port }), port };
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE"))
          throw error;
      }
    }
  }

  function urlOf(site: "Accounts" | "Wiki" | "Shop", path = "/"): string {
    const origin = running.sites.find(({ name }) => name === site)?.origin;
    return `${origin}${path}`;
  }

  /** Where the browser is, without the ports, which differ. */
  function place(): string {
    const { hostname, pathname } = new URL(page.url());
    return hostname + pathname;
  }

  const heading = async (): Promise<string> =>
    await page.getByRole("heading", { level: 1 }).innerText();

  async function fillIn(password: string): Promise<void> {
    await page.getByLabel("User name").fill("ada");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  async function signInAtTheWiki(): Promise<void> {
    await page.goto(urlOf("Wiki"));
    await page.getByRole("link", { name: "Sign in with Accounts" }).click();
    await fillIn(demonstrationPassword);
  }

  /** The heading of the first page of each site. */
  async function headings(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const site of ["Accounts", "Wiki", "Shop"] as const) {
      await page.goto(urlOf(site));
      found.push(await heading());
    }
    return found;
  }

  async function signInEverywhere(): Promise<void> {
    await signInAtTheWiki();
    await page.goto(urlOf("Shop"));
    await page.getByRole("link", { name: "Sign in with Accounts" }).click();
    expect(await headings()).toEqual(["Hello, Ada", "Hello, Ada", "Hello, Ada"]);
  }

  test("whoever signs in for one site is signed in at the other without a password", async () => {
    await page.goto(urlOf("Wiki"));
    expect(await heading()).toBe("You are signed out");
    await page.getByRole("link", { name: "Sign in with Accounts" }).click();
    expect(place()).toBe("accounts.localhost/sign-in");
    await fillIn(demonstrationPassword);
    expect(place()).toBe("wiki.localhost/profile");
    expect(await page.getByRole("definition").allInnerTexts()).toEqual([
      "Ada Lovelace",
      "ada",
      "ada@example.com",
    ]);

    await page.goto(urlOf("Shop"));
    expect(await heading()).toBe("You are signed out");
    await page.getByRole("link", { name: "Sign in with Accounts" }).click();
    expect(place()).toBe("shop.localhost/profile");
  });

  test.each(["Accounts", "Wiki", "Shop"] as const)(
    "whoever signs out at the %s is signed out everywhere",
    async (site) => {
      await signInEverywhere();
      await page.goto(urlOf(site));
      await page.getByRole("button", { name: "Sign out everywhere" }).click();
      expect(new URL(page.url()).href).toBe(urlOf(site));
      expect(await headings()).toEqual(Array(3).fill("You are signed out"));
      // The profile asks for the password again.
      await page.goto(urlOf("Wiki", "/profile"));
      expect(place()).toBe("accounts.localhost/sign-in");
    },
  );

  test("a sign-out ends the sessions of one browser, not those of another", async () => {
    await signInEverywhere();
    const other = await newContext();
    const first = page;
    page = await other.newPage();
    await signInEverywhere();
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    expect(await headings()).toEqual(Array(3).fill("You are signed out"));
    page = first;
    expect(await headings()).toEqual(Array(3).fill("Hello, Ada"));
    await other.close();
  });

  test("a wrong password is told of, and the way back is kept", async () => {
    await page.goto(urlOf("Shop", "/profile"));
    await fillIn("wrong");
    expect(await page.getByRole("alert").innerText()).toBe(
      "The name and the password do not match.",
    );
    expect(await page.getByLabel("User name").inputValue()).toBe("ada");
    // The cursor is where it is needed.
    await page.keyboard.type(demonstrationPassword);
    await page.keyboard.press("Enter");
    await page.waitForURL(urlOf("Shop", "/profile"));
  });

  test("a session has an identifier that was not there before", async () => {
    await context.addCookies([{ name: "session", value: "known", url: urlOf("Wiki") }]);
    await signInAtTheWiki();
    const [session, ...others] = await context.cookies(urlOf("Wiki"));
    expect(others).toEqual([]);
    expect(session).toMatchObject({ name: "session", httpOnly: true, sameSite: "Lax" });
    expect(session?.value).toMatch(/^[\w-]{43}$/);
  });

  test("the link of one browser signs no other in", async () => {
    const links: string[] = [];
    page.on("request", (request) => links.push(request.url()));
    await signInAtTheWiki();
    const link = links.find((url) => url.includes("/client/authenticate/")) ?? "";
    expect(link).toContain("access_token=");

    const other = await newContext();
    page = await other.newPage();
    expect((await page.goto(link))?.status()).toBe(403);
    expect(await heading()).toBe("You are not signed in");
    expect(await page.getByRole("alert").innerText()).toBe(
      "Sign-on was not begun in this browser.",
    );
    await page.getByRole("link", { name: "Try again" }).click();
    expect(place()).toBe("accounts.localhost/sign-in");
    await other.close();
  });

  test("a form of another site signs nobody out", async () => {
    await signInEverywhere();
    await page.setContent(
      `<form method="post" action="${urlOf("Accounts", "/sign-out")}"><button>`,
    );
    const refused = page.waitForResponse(urlOf("Accounts", "/sign-out"));
    await page.getByRole("button").click();
    expect((await refused).status()).toBe(403);
    expect(await headings()).toEqual(Array(3).fill("Hello, Ada"));
  });

  test("everything is in the databases: sessions go on after a restart", async () => {
    // The accounts of the clients are linked with the server's URL, so that its port has to stay.
    await running[Symbol.asyncDispose]();
    const { sites, port } = await startAtSomePort();
    running = sites;
    await signInAtTheWiki();
    await running[Symbol.asyncDispose]();
    running = await startSites({ data, port });
    await page.goto(urlOf("Wiki", "/profile"));
    expect(place()).toBe("wiki.localhost/profile");
    await page.goto(urlOf("Shop", "/profile"));
    expect(place()).toBe("shop.localhost/profile");
    await page.goto(urlOf("Shop"));
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    expect(await headings()).toEqual(Array(3).fill("You are signed out"));
  });

  test.each(["light", "dark"] as const)(
    "the pages are for everybody, in %s colours, and stay in the folder screenshots",
    async (colorScheme) => {
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      await page.emulateMedia({ colorScheme });
      const look = async (name: string): Promise<void> => {
        const path = `screenshots/simple-sso/${name}-${colorScheme}.png`;
        // On a busy machine Chromium may have no picture ready at the first try.
        await vi.waitFor(() => page.screenshot({ path }), { timeout: 20_000, interval: 500 });
        expect(await page.evaluate(barriers)).toEqual([]);
      };
      await page.goto(urlOf("Wiki"));
      await look("wiki-signed-out");
      await page.getByRole("link", { name: "Sign in with Accounts" }).click();
      await look("sign-in");
      await fillIn("wrong");
      await look("sign-in-refused");
      await fillIn(demonstrationPassword);
      await look("wiki-profile");
      await page.goto(urlOf("Shop", "/profile"));
      await look("shop-profile");
      await page.goto(urlOf("Shop"));
      await look("shop-signed-in");
      await page.goto(urlOf("Accounts"));
      await look("accounts-signed-in");
      await page.getByRole("button", { name: "Sign out everywhere" }).click();
      await look("accounts-signed-out");
      await page.goto(urlOf("Wiki", "/client/authenticate/?state=x&access_token=x"));
      await look("wiki-refused");
      // Those that the browser writes of the two answers that are refusals; none is of the content security policy.
      expect(complaints).toEqual([
        expect.stringContaining("status of 422"),
        expect.stringContaining("status of 403"),
      ]);
    },
  );
});
