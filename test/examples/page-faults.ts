import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Browser, chromium, type Page } from "playwright-core";

/** Where Debian has Chromium. */
export const executablePath = "/usr/bin/chromium";

/** Whether a test that drives a page is left out: Chromium is not installed, and this is not continuous integration. */
export const isWithoutBrowser: boolean =
  !existsSync(executablePath) && process.env["CI"] !== "true";

/** Lists what is wrong with a page for those who cannot see it well, or at all. Runs in the browser. */
const barriers = await readFile(new URL("accessibility-barriers.js", import.meta.url), "utf8");

const windows = [
  { width: 390, colorScheme: "light" },
  { width: 390, colorScheme: "dark" },
  { width: 768, colorScheme: "light" },
  { width: 1280, colorScheme: "dark" },
] as const;

/** Starts Chromium. */
export async function startBrowser(): Promise<Browser> {
  // Chromium's own sandbox needs rights that containers do not give, and is not what is tested.
  return await chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/**
 * What is wrong with a page in windows of a telephone, a tablet and a desktop, light and dark: what the browser
 * complains of, what is cut off, what has no name and what has little contrast.
 *
 * @param drive uses the page, and calls `look` wherever it is to be looked at
 */
export async function pageFaults(
  browser: Browser,
  url: string,
  drive: (page: Page, look: () => Promise<void>) => Promise<void>,
): Promise<readonly string[]> {
  const faults = new Set<string>();
  for (const { width, colorScheme } of windows) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
    const page = await context.newPage();
    const window = `${width} ${colorScheme}`;
    page.on("console", (message) => faults.add(`${window}: ${message.text()}`));
    page.on("pageerror", (error) => faults.add(`${window}: ${error.message}`));
    await page.goto(url);
    await drive(page, async () => {
      const found: readonly string[] = await page.evaluate(barriers);
      for (const barrier of found) faults.add(`${window}: ${barrier}`);
    });
    await context.close();
  }
  return [...faults];
}
