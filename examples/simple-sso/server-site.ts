import { randomUUID } from "node:crypto";
import {
  KyselyConsumerRepository,
  KyselyNonceRepository,
  KyselySignOnTokenRepository,
  KyselyUserRepository,
} from "concordat/kysely";
import { homeUrl, type SignOnServer, signOnServer } from "concordat/sso";
import type { Hono } from "hono";
import { html } from "hono/html";
import type { Kysely } from "kysely";
import type { Tables } from "./database.ts";
import { fetchHere } from "./listener.ts";
import { type Html, newApplication, page, type Site } from "./page.ts";
import { Passwords } from "./passwords.ts";
import { Sessions } from "./sessions.ts";

/** Who is there to sign in as. */
export const people = [
  { userName: "ada", givenName: "Ada", familyName: "Lovelace" },
  { userName: "grace", givenName: "Grace", familyName: "Hopper" },
] as const;

/** The password of all of them. */
export const demonstrationPassword = "open sesame";

/** The site that knows who people are. */
export class ServerSite {
  readonly application: Hono;
  readonly #site: Site;
  readonly #sites: readonly Site[];
  readonly #users: KyselyUserRepository;
  readonly #tokens: KyselySignOnTokenRepository;
  readonly #nonces: KyselyNonceRepository;
  readonly #passwords: Passwords;
  readonly #sessions: Sessions;
  readonly #signOn: SignOnServer;

  /** @param sites all sites, this one first. */
  constructor(db: Kysely<Tables>, site: Site, sites: readonly Site[]) {
    this.#site = site;
    this.#sites = sites;
    this.#users = new KyselyUserRepository(db);
    this.#tokens = new KyselySignOnTokenRepository(db);
    this.#nonces = new KyselyNonceRepository(db);
    this.#passwords = new Passwords(db);
    this.#sessions = new Sessions(db, site.origin);
    this.#signOn = signOnServer({
      url: `${site.origin}/server/`,
      consumers: new KyselyConsumerRepository(db),
      tokens: this.#tokens,
      nonces: this.#nonces,
      users: this.#users,
      fetch: fetchHere,
      visitor: async (request) => {
        const session = await this.#sessions.of(request);
        return session && { subject: session.userId, session: session.name };
      },
      signInUrl: (returnTo) => `/sign-in?${new URLSearchParams({ next: returnTo })}`,
      endSession: ({ subject, session }) => this.#sessions.end(subject, session),
    });
    this.application = this.#routes();
  }

  /** Makes the people of the demonstration, if they are not there. */
  async addPeople(): Promise<void> {
    for (const { userName, givenName, familyName } of people) {
      if ((await this.#passwords.check(userName, demonstrationPassword)) !== undefined) continue;
      const { id } = await this.#users.create({
        userName,
        name: { givenName, familyName },
        emails: [{ value: `${userName}@example.com`, primary: true }],
      });
      await this.#passwords.set(userName, id, demonstrationPassword);
    }
  }

  /** Forgets what has expired. */
  async purge(): Promise<void> {
    await Promise.all([this.#tokens.purge(), this.#nonces.purge(), this.#sessions.purge()]);
  }

  #routes(): Hono {
    const application = newApplication(this.#site, this.#sites);
    application.all("/server/*", ({ req }) => this.#signOn.handler(req.raw));

    application.get("/", async (c) => {
      const session = await this.#sessions.of(c.req.raw);
      const user = session && (await this.#users.get(session.userId));
      if (user === undefined) {
        return c.html(
          this.#page(
            "You are signed out",
            html`<p>Sign in here once, and you are signed in at every site below.</p>
              <p><a class="button" href="/sign-in">Sign in</a></p>`,
          ),
        );
      }
      return c.html(
        this.#page(
          `Hello, ${user.name?.givenName ?? user.userName}`,
          html`<p>You are signed in. The sites below will not ask for your password.</p>
            <form method="post" action="/sign-out"><button>Sign out everywhere</button></form>`,
        ),
      );
    });

    application.get("/sign-in", (c) =>
      c.html(this.#page("Sign in", signInForm(c.req.query("next")))),
    );

    application.post("/sign-in", async (c) => {
      const form = await c.req.formData();
      const [userName, password, next] = ["username", "password", "next"].map((name) =>
        String(form.get(name) ?? ""),
      );
      const userId = await this.#passwords.check(userName ?? "", password ?? "");
      if (userId === undefined) {
        return c.html(this.#page("Sign in", signInForm(next, userName)), 422);
      }
      const cookie = await this.#sessions.begin(c.req.raw, { userId, name: randomUUID() });
      c.header("set-cookie", cookie);
      return c.redirect(homeUrl(next, this.#site.origin), 303);
    });

    application.post("/sign-out", async (c) => {
      const session = await this.#sessions.of(c.req.raw);
      if (session === undefined) return c.redirect("/", 303);
      await this.#sessions.end(session.userId, session.name);
      const { unreachable } = await this.#signOn.signOut({
        subject: session.userId,
        session: session.name,
      });
      if (unreachable.length === 0) return c.redirect("/", 303);
      return c.html(
        this.#page(
          "You are signed out here",
          html`<p role="alert">Not every site could be told. Sign out there as well.</p>`,
        ),
      );
    });
    return application;
  }

  #page(title: string, content: Html): Html {
    return page(this.#site, this.#sites, title, content);
  }
}

/** @param refused the name with which a sign-in has just been refused. */
function signInForm(next = "", refused?: string): Html {
  const hasFailed = refused !== undefined;
  const hints = hasFailed ? "refused hint" : "hint";
  return html`${hasFailed ? html`<p role="alert" id="refused">The name and the password do not match.</p>` : ""}
    <form method="post" action="/sign-in">
      <input type="hidden" name="next" value="${next}">
      <label for="username">User name</label>
      <input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false"
        required value="${refused}" aria-describedby="${hints}" ${hasFailed ? "" : "autofocus"}>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password"
        required aria-describedby="${hints}" ${hasFailed ? "autofocus" : ""}>
      <button>Sign in</button>
    </form>
    <p id="hint" class="hint">This is a demonstration: you are <b>${people[0].userName}</b> or
      <b>${people[1].userName}</b>, and the password is <b>${demonstrationPassword}</b>.</p>`;
}
