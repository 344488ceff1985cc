import { createAdaptorServer } from "@hono/node-server";
import {
  type Consumer,
  InMemoryConsumerRepository,
  InMemoryLinkRepository,
  InMemoryNonceRepository,
  InMemorySignOnTokenRepository,
  InMemoryUserRepository,
} from "concordat/repositories";
import type { User } from "concordat/scim";
import { createKey, KeyRing } from "concordat/signing";
import {
  accountFor,
  type Handler,
  newConsumer,
  type SignOnClient,
  type SignOnClientOptions,
  type SignOnServer,
  type SignOnServerOptions,
  signOnClient,
  signOnServer,
} from "concordat/sso";

/** A handler that is served over HTTP. */
interface Site extends AsyncDisposable {
  readonly origin: string;
}

async function serve(hostname: string, handlerOf: (origin: string) => Handler): Promise<Site> {
  let handler: Handler | undefined;
  const server = createAdaptorServer({
    fetch: async (request) => (await handler?.(request)) ?? new Response(null, { status: 500 }),
  });
  await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("There is no port.");
  const origin = `http://${hostname}:${address.port}`;
  handler = handlerOf(origin);
  return {
    origin,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A server with two clients, and what is in them. */
export interface Sites extends AsyncDisposable {
  readonly server: SignOnServer;
  readonly serverUrl: string;
  readonly clientUrl: string;
  readonly client: SignOnClient;
  readonly consumer: Consumer;
  readonly consumers: InMemoryConsumerRepository;
  readonly tokens: InMemorySignOnTokenRepository;
  /** The users at the server. */
  readonly users: InMemoryUserRepository;
  readonly ann: User;
  /** The accounts at the client. */
  readonly accounts: InMemoryUserRepository;
  readonly links: InMemoryLinkRepository;
  /** The client's sessions: the id of the account by that of the session. */
  readonly sessions: Map<string, { account: User; subject: string; session: string | undefined }>;
}

/** Options of {@link startSites}. */
export interface SitesOptions {
  readonly format: Consumer["format"];
  readonly server?: Partial<SignOnServerOptions>;
  readonly client?: Partial<SignOnClientOptions>;
  /** Whether the two sites can end sessions. Default: true. */
  readonly endsSessions?: boolean;
}

/**
 * Starts a server, at which whoever has the cookie `user` is signed in, and a client.
 *
 * They have different host names, since browsers share cookies between ports.
 */
export async function startSites(options: SitesOptions): Promise<Sites> {
  const { format, server, client, endsSessions = true } = options;
  const users = new InMemoryUserRepository();
  const ann = await users.create({ userName: "ann", emails: [{ value: "ann@example.com" }] });
  const consumers = new InMemoryConsumerRepository();
  const tokens = new InMemorySignOnTokenRepository();
  const accounts = new InMemoryUserRepository();
  const links = new InMemoryLinkRepository();
  const sessions: Sites["sessions"] = new Map();

  const endSessions: SignOnClientOptions["endSessions"] = async ({ subject, session }) => {
    for (const [id, one] of sessions) {
      const isMeant = session === undefined || one.session === session;
      if (one.subject === subject && isMeant) sessions.delete(id);
    }
  };

  const made: { server?: SignOnServer; client?: SignOnClient } = {};
  const serverSite = await serve("127.0.0.1", (origin) => {
    made.server = signOnServer({
      url: `${origin}/server/`,
      consumers,
      tokens,
      users,
      nonces: new InMemoryNonceRepository(),
      visitor: async (request) => {
        const subject = /\buser=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1];
        return subject === undefined ? undefined : { subject, session: `session of ${subject}` };
      },
      signInUrl: (returnTo) => `/login?next=${encodeURIComponent(returnTo)}`,
      ...(endsSessions ? { endSession: async () => {} } : {}),
      ...server,
    });
    return made.server.handler;
  });
  const serverUrl = `${serverSite.origin}/server/`;
  let consumer: Consumer | undefined;
  const clientSite = await serve("localhost", (origin) => {
    consumer = newConsumer({
      name: "shop",
      format,
      redirectUris: [`${origin}/client/authenticate/`],
      ...(format === "http-signature" ? { signOutUri: `${origin}/client/sign-out/` } : {}),
    });
    const [secret] = consumer.secrets;
    made.client = signOnClient({
      url: `${origin}/client/`,
      server: serverUrl,
      format,
      keys: new KeyRing([createKey({ id: consumer.key, secret: secret?.value ?? "" })]),
      nonces: new InMemoryNonceRepository(),
      signIn: async (identity) => {
        const account = await accountFor(identity, { users: accounts, links });
        const id = `session-${sessions.size + 1}`;
        sessions.set(id, { account, subject: identity.subject, session: identity.session });
        return new Headers({ "set-cookie": `session=${id}; Path=/; HttpOnly` });
      },
      ...(endsSessions ? { endSessions } : {}),
      ...client,
    });
    return made.client.handler;
  });
  if (consumer === undefined || made.server === undefined || made.client === undefined) {
    throw new Error("The sites were not made.");
  }
  await consumers.save(consumer);
  return {
    server: made.server,
    client: made.client,
    serverUrl,
    clientUrl: `${clientSite.origin}/client/`,
    consumer,
    consumers,
    tokens,
    users,
    ann,
    accounts,
    links,
    sessions,
    async [Symbol.asyncDispose]() {
      await Promise.all([serverSite[Symbol.asyncDispose](), clientSite[Symbol.asyncDispose]()]);
    },
  };
}

/**
 * A browser as far as sign-on needs one: cookies by host name, and redirections that are not followed by themselves.
 */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** Sets a cookie of a site. */
  set(url: string, name: string, value: string): void {
    const { hostname } = new URL(url);
    const jar = this.#cookies.get(hostname) ?? new Map<string, string>();
    this.#cookies.set(hostname, jar.set(name, value));
  }

  /** The cookies of a site, as they are sent. */
  cookies(url: string): string {
    const jar = this.#cookies.get(new URL(url).hostname) ?? new Map<string, string>();
    return [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Goes to a URL. */
  async go(url: string): Promise<{ response: Response; location: string }> {
    const cookie = this.cookies(url);
    const response = await fetch(url, {
      redirect: "manual",
      headers: cookie === "" ? {} : { cookie },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split("; ");
      const [name = "", value = ""] = pair.split("=", 2);
      if (attributes.includes("Max-Age=0")) {
        this.#cookies.get(new URL(url).hostname)?.delete(name);
      } else {
        this.set(url, name, value);
      }
    }
    const location = response.headers.get("location") ?? "";
    return { response, location: location === "" ? "" : new URL(location, url).href };
  }

  /** Begins a sign-on, and goes as far as the URL at which the browser comes back to the client. */
  async comeBack(clientUrl: string, next?: string): Promise<string> {
    const query = next === undefined ? "" : `?next=${encodeURIComponent(next)}`;
    const { location: authorize } = await this.go(`${clientUrl}${query}`);
    const { location } = await this.go(authorize);
    return location;
  }
}
