import { html } from "hono/html";
import type { LogEntry } from "./request-log.ts";

/** An entry of the log: what was asked and answered, and what was rewritten or ignored on the way. */
export function logEntry(entry: LogEntry): ReturnType<typeof html> {
  const { time, method, path, query, status, duration, detail, body } = entry;
  const parameters = Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`);
  return html`<li class="${status < 400 ? "good" : "bad"}">
    <details>
      <summary>
        <span class="line">
          <time datetime="${time.toISOString()}">${time.toISOString().slice(11, 19)}</time>
          <strong>${status}</strong> <code>${method} ${path} ${parameters.join(" ")}</code>
          <small>${duration.toFixed(1)} ms</small>
        </span>
        ${detail === undefined ? "" : html`<span class="note refused">${detail}</span>`}
        ${entry.rewrites.map(
          ({ path, rewrite }) =>
            html`<span class="note rewritten">Rewritten: ${path} (${rewrite})</span>`,
        )}
        ${entry.ignored.map(
          ({ path, reason }) =>
            html`<span class="note ignored">Ignored: ${path} (${reason})</span>`,
        )}
      </summary>
      ${body === undefined ? html`<p>It had no body.</p>` : html`<pre tabindex="0" role="region" aria-label="The body of the request">${JSON.stringify(body, null, 2)}</pre>`}
    </details>
  </li>`;
}
