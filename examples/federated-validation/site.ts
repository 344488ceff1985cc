import { readFile } from "node:fs/promises";
import type { Handler } from "concordat/node";
import type { Company } from "./company.ts";
import { demonstrate } from "./demonstration.ts";

const pages: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["/", ["page.html", "text/html; charset=utf-8"]],
  ["/page.css", ["page.css", "text/css; charset=utf-8"]],
  ["/page.js", ["page.js", "text/javascript; charset=utf-8"]],
]);

/**
 * The address of the company: the API, and beside it a page that shows what goes on, which a real one would not have.
 */
export function site(company: Company, signal: AbortSignal): Handler {
  const buttons = buttonsOf(company, signal);
  return async (request, connection) => {
    const { method } = request;
    const { pathname } = new URL(request.url);
    if (pathname === "/validate/check") return await company.handler(request, connection);
    const page = pages.get(pathname);
    if (method === "GET" && page !== undefined) return await pageOf(...page);
    if (method === "GET" && pathname === "/state") return Response.json(stateOf(company));
    const button = buttons.get(pathname);
    if (button === undefined || method !== "POST") return new Response(null, { status: 404 });
    // No other site may press them.
    const from = request.headers.get("sec-fetch-site") ?? "none";
    if (from !== "none" && from !== "same-origin") return new Response(null, { status: 403 });
    return new Response(await button());
  };
}

/** What can be done by a button: what it does by its path. Some say something. */
function buttonsOf(
  { children, tokens, ...company }: Company,
  signal: AbortSignal,
): ReadonlyMap<string, () => Promise<string | null>> {
  const buttons = new Map<string, () => Promise<string | null>>();
  for (const [user, token] of tokens) {
    buttons.set(`/tokens/${user}/press`, async () => token.press());
  }
  for (const child of children) {
    buttons.set(`/children/${child.name}/start`, async () => {
      await child.start();
      return null;
    });
    buttons.set(`/children/${child.name}/stop`, async () => {
      await child.stop();
      return null;
    });
  }
  buttons.set("/demonstration", async () => {
    void demonstrate({ children, tokens, ...company }, signal).catch(() => {});
    return null;
  });
  return buttons;
}

/** What the page shows. */
function stateOf({ children, federation, journal }: Company): unknown {
  return {
    children: children.map(({ name, url, isRunning }) => ({
      name,
      url,
      isRunning,
      isLeftInPeace: (federation.forwarder.breakerState(name) ?? "closed") !== "closed",
    })),
    answers: journal.entries,
  };
}

async function pageOf(file: string, type: string): Promise<Response> {
  return new Response(await readFile(new URL(`page/${file}`, import.meta.url)), {
    headers: {
      "content-type": type,
      "content-security-policy": "default-src 'self'; img-src data:",
    },
  });
}
