import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { csrf } from "hono/csrf";
import { html } from "hono/html";
import { secureHeaders } from "hono/secure-headers";

/** What pages show of a site. */
export interface Site {
  readonly name: string;
  readonly origin: string;
  /** What the site is there for, in a sentence. */
  readonly purpose: string;
}

/** A piece of a page, in which values are escaped. */
export type Html = ReturnType<typeof html>;

/** A whole page. */
export function page(
  site: Site,
  sites: readonly Site[],
  title: string,
  content: Html | readonly Html[],
): Html {
  return html`<!doctype html>
<html lang="en" class="${site.name.toLowerCase()}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · ${site.name}</title>
    <link rel="stylesheet" href="/style.css">
    <link rel="icon" href="data:,">
  </head>
  <body>
    <header>
      <a class="name" href="/">${site.name}</a>
      <p>${site.purpose}</p>
    </header>
    <main>
      <h1>${title}</h1>
      ${content}
    </main>
    <nav aria-label="Sites">
      <ul>
        ${sites.map(
          ({ name, origin }) =>
            html`<li><a href="${origin}/"${name === site.name ? html` aria-current="true"` : ""}>${name}</a></li>`,
        )}
      </ul>
    </nav>
  </body>
</html>`;
}

/** The application of a site, with the style sheet, and the fields that make browsers careful. */
export function newApplication(site: Site, sites: readonly Site[]): Hono {
  const application = new Hono();
  // There is no `form-action`: browsers apply it to where a form's answer leads, which is another site after the
  // sign-in.
  application.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        imgSrc: ["data:"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    }),
  );
  // What other sites post in the visitor's name is refused.
  application.use(csrf({ origin: site.origin }));
  const style = readFileSync(new URL("style.css", import.meta.url), "utf8");
  application.get("/style.css", (c) => c.body(style, 200, { "content-type": "text/css" }));
  application.notFound((c) => {
    const back = html`<p><a class="button" href="/">Go to the first page</a></p>`;
    return c.html(page(site, sites, "There is no such page", back), 404);
  });
  return application;
}
