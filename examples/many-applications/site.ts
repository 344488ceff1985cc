import { readFile } from "node:fs/promises";
import type { Handler } from "concordat/node";
import type { Application } from "./application.ts";
import type { Company } from "./company.ts";
import { demonstrate } from "./demonstration.ts";

const pages: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["/", ["page.html", "text/html; charset=utf-8"]],
  ["/page.css", ["page.css", "text/css; charset=utf-8"]],
  ["/page.js", ["page.js", "text/javascript; charset=utf-8"]],
]);

/** A page that shows how far each application is, and has a button for whatever can be done. */
export function site(company: Company, signal: AbortSignal): Handler {
  const buttons = buttonsOf(company, signal);
  return async (request) => {
    const { method } = request;
    const { pathname } = new URL(request.url);
    const page = pages.get(pathname);
    if (method === "GET" && page !== undefined) return await pageOf(...page);
    if (method === "GET" && pathname === "/state") return Response.json(await stateOf(company));
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
  company: Company,
  signal: AbortSignal,
): ReadonlyMap<string, () => Promise<string | null>> {
  const buttons = new Map<string, () => Promise<string | null>>();
  for (const application of company.applications) {
    buttons.set(`/applications/${application.name}/start`, async () => {
      application.start();
      return null;
    });
    buttons.set(`/applications/${application.name}/stop`, async () => {
      await application.stop();
      return null;
    });
  }
  buttons.set("/change", async () => company.changes.next());
  let isShown = false;
  buttons.set("/demonstration", async () => {
    if (isShown) return "It is under way.";
    isShown = true;
    void demonstrate(company, signal)
      .catch(() => {})
      .finally(() => {
        isShown = false;
      });
    return "The directory changes for nine seconds.";
  });
  return buttons;
}

/** What the page shows. */
async function stateOf({ directory, place, publisher, ...company }: Company): Promise<unknown> {
  const groups = directory.entries({ filter: "(objectClass=groupOfNames)" });
  return {
    directory: {
      users: directory.entries({ filter: "(objectClass=inetOrgPerson)" }).length,
      groups: groups.length,
      memberships: groups.flatMap(({ attributes: { member = [] } }) => member).length,
      changes: company.changes.count,
    },
    log: {
      description: place.description,
      sequence: publisher.sequence,
      written: publisher.written,
    },
    applications: await Promise.all(company.applications.map(applicationState)),
  };
}

async function applicationState(application: Application): Promise<unknown> {
  const { name, state, isRunning, done } = application;
  return {
    name,
    state,
    isRunning,
    done,
    ...(await application.counts()),
    lag: await application.lag(),
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
