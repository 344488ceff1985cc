import { readFile } from "node:fs/promises";
import { messageOf } from "./messages.ts";
import type { Provider } from "./provider.ts";

/** What the page shows and changes. */
type Mapped = Pick<Provider, "users" | "groups" | "trytonGroups">;

/** How many users and groups the page shows at most. */
const most = 500;

/** What has just been done, as the page says it. */
type Notice = string | undefined;

/**
 * The page of the administrator: which group of the identity provider fills which of Tryton's. It has no sign-in of its
 * own, and has to be reached from this machine only.
 *
 * @param hosts the values of `Host` by which it is reached, so that no other site can have a browser send something.
 */
export function pageHandler(
  provider: Mapped,
  hosts: readonly string[],
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (!hosts.includes(request.headers.get("host") ?? "")) return text(403, "Not from there.");
    if (request.method === "GET" && pathname === "/page.css") {
      const css = await readFile(new URL("page.css", import.meta.url), "utf8");
      return respond(200, "text/css", css);
    }
    if (request.method === "GET" && pathname === "/favicon.ico")
      return new Response(null, { status: 204 });
    if (pathname !== "/") return text(404, "There is nothing here.");
    if (request.method === "GET") return respond(200, "text/html", await page(provider));
    if (request.method !== "POST") return text(405, "GET or POST.");
    if (!isOwn(request, hosts)) return text(403, "Not from there.");
    return await act(provider, new URLSearchParams(await request.text()));
  };
}

/** Whether a form of this page has sent a request. */
function isOwn(request: Request, hosts: readonly string[]): boolean {
  const origin = request.headers.get("origin");
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  return length <= 10_000 && hosts.some((host) => origin === `http://${host}`);
}

async function act(provider: Mapped, form: URLSearchParams): Promise<Response> {
  const { groups } = provider;
  const [external = "", local = ""] = (form.get("mapping") ?? "").split(" ");
  let notice: string;
  let status = 200;
  try {
    const report =
      form.get("action") === "apply"
        ? await groups.apply()
        : form.get("action") === "unmap"
          ? await groups.unmap(external, local)
          : await groups.map(form.get("external") ?? "", form.get("local") ?? "");
    const { added, removed, refused } = report;
    notice = `Done: ${added} added, ${removed} removed${refused > 0 ? `, ${refused} refused` : ""}.`;
  } catch (error) {
    notice = messageOf(error);
    status = 422;
  }
  return respond(status, "text/html", await page(provider, notice));
}

async function page(provider: Mapped, notice?: Notice): Promise<string> {
  let body: string;
  try {
    body = await content(provider);
  } catch (error) {
    body = `<p role="alert">${escaped(messageOf(error))}</p>`;
  }
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Groups in Tryton</title>
<link rel="stylesheet" href="/page.css">
<header>
<h1>Groups in Tryton</h1>
<p>Which group of the identity provider fills which group of Tryton.</p>
</header>
<main>
${notice === undefined ? "" : `<p role="status">${escaped(notice)}</p>`}
${body}
</main>
</html>
`;
}

async function content({ users, groups, trytonGroups }: Mapped): Promise<string> {
  const external = await allOf((startIndex) => groups.find({ startIndex }));
  const local = await allOf((startIndex) => trytonGroups.find({ startIndex }));
  const people = await allOf((startIndex) => users.find({ startIndex }));
  const mappings = await groups.mappings();
  const nameOf = new Map(local.map(({ id, displayName }) => [id, displayName]));
  const rows: (readonly string[])[] = [];
  for (const { id, displayName } of external) {
    const { members } = await groups.members(id, { count: 1_000 });
    const targets = mappings.filter((mapping) => mapping.external === id);
    const forms = targets.map((mapping) =>
      unmapForm(
        `${id} ${mapping.local}`,
        displayName,
        nameOf.get(mapping.local) ?? "a group that is gone",
      ),
    );
    rows.push([escaped(displayName), String(members.length), forms.join("")]);
  }
  return `<section>
<h2 id="groups">Groups of the identity provider</h2>
${table("groups", ["Group", "Members", "Tryton's groups"], rows)}
<form method="post" action="/">
<label>Group
<select name="external" required>${optionsOf(external)}</select></label>
<label>fills
<select name="local" required>${optionsOf(local)}</select></label>
<button name="action" value="map">Map</button>
</form>
<form method="post" action="/"><button class="quiet" name="action" value="apply">Apply all again</button></form>
</section>
<section>
<h2 id="users">Users</h2>
${table(
  "users",
  ["Login", "Name", "State"],
  people.map(({ userName, displayName = "", active }) => [
    escaped(userName),
    escaped(displayName),
    active === false
      ? '<span class="inactive">inactive</span>'
      : '<span class="active">active</span>',
  ]),
)}
</section>`;
}

function unmapForm(mapping: string, group: string, target: string): string {
  return `<form method="post" action="/">${escaped(target)}
<input type="hidden" name="mapping" value="${escaped(mapping)}">
<button name="action" value="unmap" aria-label="Unmap ${escaped(group)} from ${escaped(target)}">Unmap</button></form>`;
}

function optionsOf(
  groups: readonly { readonly id: string; readonly displayName: string }[],
): string {
  return groups
    .map(({ id, displayName }) => `<option value="${escaped(id)}">${escaped(displayName)}</option>`)
    .join("");
}

async function allOf<T>(
  find: (startIndex: number) => Promise<{ readonly resources: readonly T[] }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  while (all.length < most) {
    const { resources } = await find(all.length + 1);
    if (resources.length === 0) break;
    all.push(...resources);
  }
  return all.slice(0, most);
}

/** A table that is a list of cards in a narrow window: there its parts are blocks, whose roles have to be stated. */
function table(
  label: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const head = heads.map((text) => `<th scope="col" role="columnheader">${text}</th>`).join("");
  const body = rows.map(([first = "", ...others]) => {
    const cells = others.map(
      (cell, at) => `<td role="cell" data-label="${heads[at + 1]}">${cell}</td>`,
    );
    return `<tr role="row"><th scope="row" role="rowheader">${first}</th>${cells.join("")}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-labelledby="${label}">
<table role="table" aria-labelledby="${label}">
<thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">
${body.join("\n")}
</tbody></table></div>`;
}

function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}

function text(status: number, body: string): Response {
  return respond(status, "text/plain", `${body}\n`);
}

function respond(status: number, type: string, body: string): Response {
  return new Response(body, {
    status,
    headers: {
      "Content-Type": `${type}; charset=utf-8`,
      "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
    },
  });
}
