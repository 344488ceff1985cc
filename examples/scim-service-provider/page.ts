import { html } from "hono/html";
import type { Application, GroupRow, UserRow } from "./application.ts";
import { logEntry } from "./log-entry.ts";
import { recordings } from "./recordings.ts";
import type { LogEntry } from "./request-log.ts";

export type Html = ReturnType<typeof html>;

/** The console: people, groups, teams, and the requests as they come. What is put into it is escaped by `html`. */
export async function page(application: Application, entries: readonly LogEntry[]): Promise<Html> {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Users, groups and requests</title>
        <link rel="stylesheet" href="/page.css" />
        <script type="module" src="/page.js"></script>
      </head>
      <body>
        <header>
          <h1>Provisioning</h1>
          <p>What an identity provider sends by SCIM, and what becomes of it here.</p>
        </header>
        <main>
          <div id="state">${await state(application)}</div>
          <div id="requests">
            ${sendForm()}
            <section aria-labelledby="log-title">
              <h2 id="log-title">Requests</h2>
              <div role="log" aria-labelledby="log-title" tabindex="0">
                <ol id="log">
                  ${entries.map(logEntry)}
                </ol>
              </div>
            </section>
          </div>
        </main>
      </body>
    </html>`;
}

/** The form that plays the part of an identity provider. */
function sendForm(): Html {
  const providerOf = (name: string): string => (name.startsWith("okta") ? "Okta" : "Entra");
  return html`<section aria-labelledby="send-title">
    <h2 id="send-title">Be the identity provider</h2>
    <form method="post" action="/send">
      <label>
        Send what it sends when
        <select name="recording" required>
          ${recordings.map(
            ({ name, title }) =>
              html`<option value="${name}">${providerOf(name)}: ${title}</option>`,
          )}
        </select>
      </label>
      <label class="check">
        <input type="checkbox" name="keep" checked />
        without deletions, so that there is something to see
      </label>
      <button>Send</button>
    </form>
  </section>`;
}

/** The part of the page that requests change. */
export async function state(application: Application): Promise<Html> {
  const [users, groups, teams, mappings] = await Promise.all([
    application.userRows(),
    application.groupRows(),
    application.teamRows(),
    application.mappings(),
  ]);
  const teamOf = new Map(teams.map((team) => [team.id, team.name]));
  const active = users.filter((user) => user.active).length;
  return html`
    <dl id="counts" aria-label="How many there are">
      ${count("People", users.length)} ${count("Active", active)}
      ${count("Groups", groups.length)} ${count("Teams", teams.length)}
    </dl>
    <section aria-labelledby="users-title">
      <h2 id="users-title">People</h2>
      ${table("users-title", ["User name", "Name", "State", "Teams", "Groups"], users.map(userRow))}
      ${users.length === 0 ? html`<p class="none">The identity provider has sent nobody yet.</p>` : ""}
    </section>
    <section aria-labelledby="groups-title">
      <h2 id="groups-title">Groups of the identity provider</h2>
      ${table(
        "groups-title",
        ["Group", "Members", "Teams it is mapped to"],
        groups.map(
          (group) => html`<tr role="row">
            <th scope="row" role="rowheader">${group.name}</th>
            <td role="cell" data-label="Members">${group.members}</td>
            <td role="cell" data-label="Teams it is mapped to">
              ${mappings
                .filter(({ external }) => external === group.id)
                .map(
                  ({ external, local }) => html`<form method="post" action="/mappings/remove">
                    <input type="hidden" name="external" value="${external}" />
                    <input type="hidden" name="local" value="${local}" />
                    ${teamOf.get(local) ?? local}
                    <button aria-label="Take back ${group.name} to ${teamOf.get(local)}">×</button>
                  </form>`,
                )}
            </td>
          </tr>`,
        ),
      )}
      ${
        groups.length === 0
          ? html`<p class="none">The identity provider has sent no group yet.</p>`
          : ""
      }
      <form method="post" action="/mappings">
        ${choice("external", "Put members of", groups)} ${choice("local", "into", teams)}
        <button ${groups.length === 0 ? "disabled" : ""}>Map</button>
      </form>
      <form method="post" action="/mappings/apply">
        <button class="quiet">Apply all mappings</button>
      </form>
    </section>
    <section aria-labelledby="teams-title">
      <h2 id="teams-title">Teams</h2>
      <ul class="teams">
        ${teams.map(({ name, members }) => html`<li>${name}: <strong>${members}</strong></li>`)}
      </ul>
    </section>
  `;
}

function count(what: string, many: number): Html {
  return html`<div>
    <dt>${what}</dt>
    <dd>${many}</dd>
  </div>`;
}

function userRow({ userName, displayName, active, teams, groups }: UserRow): Html {
  return html`<tr role="row">
    <th scope="row" role="rowheader">${userName}</th>
    <td role="cell" data-label="Name">${displayName}</td>
    <td role="cell" data-label="State">
      <span class="${active ? "good" : "bad"}">${active ? "active" : "disabled"}</span>
    </td>
    <td role="cell" data-label="Teams">${teams.join(", ")}</td>
    <td role="cell" data-label="Groups">${groups.join(", ")}</td>
  </tr>`;
}

/**
 * A table that is a list of cards in a narrow window. There it is laid out as blocks, so that what is a row and what a
 * cell has to be said.
 */
function table(title: string, columns: readonly string[], rows: readonly Html[]): Html | string {
  if (rows.length === 0) return "";
  return html`<table role="table" aria-labelledby="${title}">
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map((name) => html`<th scope="col" role="columnheader">${name}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows}
    </tbody>
  </table>`;
}

function choice(name: string, label: string, groups: readonly GroupRow[]): Html {
  return html`<label>
    ${label}
    <select name="${name}" required>
      ${groups.map((group) => html`<option value="${group.id}">${group.name}</option>`)}
    </select>
  </label>`;
}
