import { html } from "hono/html";
import type { Application, GroupRow } from "./application.ts";
import type { LogEntry } from "./request-log.ts";

type Html = ReturnType<typeof html>;

/** The page: users, groups, teams, and the request log. What is put into it is escaped by `html`. */
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
        </header>
        <main>
          <div id="state">${await state(application)}</div>
          <section aria-labelledby="log-title">
            <h2 id="log-title">Requests</h2>
            <div role="log" aria-labelledby="log-title">
              <ol id="log">
                ${entries.map(logEntry)}
              </ol>
            </div>
          </section>
        </main>
      </body>
    </html>`;
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
  return html`
    <section aria-labelledby="users-title">
      <h2 id="users-title">Users</h2>
      <table aria-labelledby="users-title">
        <thead>
          <tr>
            <th scope="col">User name</th>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Teams</th>
          </tr>
        </thead>
        <tbody>
          ${users.map(
            (user) => html`<tr>
              <th scope="row">${user.userName}</th>
              <td>${user.displayName}</td>
              <td>${user.active ? "active" : "disabled"}</td>
              <td>${user.teams.join(", ")}</td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${users.length === 0 ? html`<p>The identity provider has sent nobody yet.</p>` : ""}
    </section>
    <section aria-labelledby="groups-title">
      <h2 id="groups-title">Groups of the identity provider</h2>
      <table aria-labelledby="groups-title">
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Members</th>
            <th scope="col">Teams it is mapped to</th>
          </tr>
        </thead>
        <tbody>
          ${groups.map(
            (group) => html`<tr>
              <th scope="row">${group.name}</th>
              <td>${group.members}</td>
              <td>
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
          )}
        </tbody>
      </table>
      ${groups.length === 0 ? html`<p>The identity provider has sent no group yet.</p>` : ""}
      <form method="post" action="/mappings">
        ${choice("external", "Put members of", groups)} ${choice("local", "into", teams)}
        <button ${groups.length === 0 ? "disabled" : ""}>Map</button>
      </form>
      <form method="post" action="/mappings/apply"><button>Apply all mappings</button></form>
    </section>
    <section aria-labelledby="teams-title">
      <h2 id="teams-title">Teams</h2>
      <ul>
        ${teams.map(({ name, members }) => html`<li>${name}: ${members}</li>`)}
      </ul>
    </section>
  `;
}

function choice(name: string, label: string, groups: readonly GroupRow[]): Html {
  return html`<label>
    ${label}
    <select name="${name}" required>
      ${groups.map((group) => html`<option value="${group.id}">${group.name}</option>`)}
    </select>
  </label>`;
}

/** An entry of the log. */
export function logEntry(entry: LogEntry): Html {
  const { time, method, path, query, status, duration, detail, body } = entry;
  const parameters = Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`);
  return html`<li class="${status < 400 ? "good" : "bad"}">
    <details>
      <summary>
        <time datetime="${time.toISOString()}">${time.toISOString().slice(11, 19)}</time>
        <strong>${status}</strong> <code>${method} ${path} ${parameters.join(" ")}</code>
        <small>${duration.toFixed(1)} ms</small>
      </summary>
      ${detail === undefined ? "" : html`<p>${detail}</p>`}
      ${entry.ignored.map(({ path, reason }) => html`<p>Passed over: ${path} (${reason})</p>`)}
      ${entry.rewrites.map(({ path, rewrite }) => html`<p>Rewritten: ${path} (${rewrite})</p>`)}
      ${body === undefined ? "" : html`<pre>${JSON.stringify(body, null, 2)}</pre>`}
    </details>
  </li>`;
}
