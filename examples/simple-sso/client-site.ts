import {
  KyselyLinkRepository,
  KyselyNonceRepository,
  KyselyUserRepository,
} from "concordat/kysely";
import type { User } from "concordat/scim";
import { createKey, KeyRing } from "concordat/signing";
import {
  accountFor,
  linkedAccount,
  type SignOnClient,
  SignOnError,
  signOnClient,
} from "concordat/sso";
import type { Hono } from "hono";
import { html } from "hono/html";
import type { Kysely } from "kysely";
import type { Tables } from "./database.ts";
import { fetchHere } from "./listener.ts";
import { type Html, newApplication, page, type Site } from "./page.ts";
import { Sessions } from "./sessions.ts";

/** What the server gave a client to sign with. */
export interface Credentials {
  readonly key: string;
  readonly secret: string;
}

/** A site whose visitors sign in at the server. */
export class ClientSite {
  readonly application: Hono;
  readonly #site: Site;
  readonly #sites: readonly [server: Site, ...Site[]];
  readonly #users: KyselyUserRepository;
  readonly #nonces: KyselyNonceRepository;
  readonly #sessions: Sessions;
  readonly #signOn: SignOnClient;

  /** @param sites all sites, the server first. */
  constructor(
    db: Kysely<Tables>,
    site: Site,
    sites: readonly [server: Site, ...Site[]],
    { key, secret }: Credentials,
  ) {
    const users = new KyselyUserRepository(db);
    const links = new KyselyLinkRepository(db);
    this.#site = site;
    this.#sites = sites;
    this.#users = users;
    this.#nonces = new KyselyNonceRepository(db);
    this.#sessions = new Sessions(db, site.origin);
    this.#signOn = signOnClient({
      url: `${site.origin}/client/`,
      server: `${sites[0].origin}/server/`,
      keys: new KeyRing([createKey({ id: key, secret })]),
      nonces: this.#nonces,
      fetch: fetchHere,
      signIn: async (identity, request) => {
        const { id: userId } = await accountFor(identity, { users, links });
        const session = { userId, name: identity.session ?? "" };
        return new Headers({ "set-cookie": await this.#sessions.begin(request, session) });
      },
      endSessions: async (who) => {
        const account = await linkedAccount(who, { users, links });
        if (account !== undefined) await this.#sessions.end(account.id, who.session);
      },
      failure: async ({ message, status }) =>
        new Response(String(await this.#failurePage(message)), {
          status,
          headers: { "content-type": "text/html; charset=utf-8" },
        }),
    });
    this.application = this.#routes();
  }

  /** Forgets what has expired. */
  async purge(): Promise<void> {
    await Promise.all([this.#nonces.purge(), this.#sessions.purge()]);
  }

  #routes(): Hono {
    const application = newApplication(this.#site, this.#sites);
    application.all("/client/*", ({ req }) => this.#signOn.handler(req.raw));

    application.get("/", async (c) => {
      const account = await this.#account(c.req.raw);
      if (account === undefined) {
        return c.html(
          this.#page(
            "You are signed out",
            html`<p>Sign in at ${this.#server.name}, or go on at once if you already are.</p>
              <p><a class="button" href="/profile">Sign in with ${this.#server.name}</a></p>`,
          ),
        );
      }
      return c.html(
        this.#page(
          `Hello, ${account.name?.givenName ?? account.userName}`,
          html`<p><a href="/profile">Your profile</a> is for you only.</p>
            <form method="post" action="/sign-out"><button>Sign out everywhere</button></form>`,
        ),
      );
    });

    // A page for those only who are signed in: whoever is not is sent to the server, and comes back to it.
    application.get("/profile", async (c) => {
      const account = await this.#account(c.req.raw);
      if (account === undefined) {
        return c.redirect(`/client/?${new URLSearchParams({ next: "/profile" })}`);
      }
      return c.html(this.#page("Your profile", profile(account, this.#server)));
    });

    application.post("/sign-out", async (c) => {
      const session = await this.#sessions.of(c.req.raw);
      if (session === undefined) return c.redirect("/", 303);
      await this.#sessions.end(session.userId, session.name);
      try {
        await this.#signOn.signOut(session.name);
      } catch (error) {
        if (!(error instanceof SignOnError)) throw error;
        return c.html(
          this.#page(
            "You are signed out here",
            html`<p role="alert">${this.#server.name} could not be told. Sign out there as well.</p>`,
          ),
        );
      }
      return c.redirect("/", 303);
    });
    return application;
  }

  async #account(request: Request): Promise<User | undefined> {
    const session = await this.#sessions.of(request);
    return session && (await this.#users.get(session.userId));
  }

  get #server(): Site {
    return this.#sites[0];
  }

  #failurePage(message: string): Html {
    return this.#page(
      "You are not signed in",
      html`<p role="alert">${message}.</p>
        <p><a class="button" href="/profile">Try again</a></p>`,
    );
  }

  #page(title: string, content: Html): Html {
    return page(this.#site, this.#sites, title, content);
  }
}

function profile({ userName, name, emails }: User, server: Site): Html {
  return html`<dl>
      <dt>Name</dt>
      <dd>${name?.givenName} ${name?.familyName}</dd>
      <dt>User name</dt>
      <dd>${userName}</dd>
      <dt>E-mail address</dt>
      <dd>${emails?.[0]?.value}</dd>
    </dl>
    <p class="hint">As ${server.name} told this site when you first signed in.</p>`;
}
