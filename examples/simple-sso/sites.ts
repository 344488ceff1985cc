import { join } from "node:path";
import { KyselyConsumerRepository } from "concordat/kysely";
import { newConsumer } from "concordat/sso";
import type { Kysely } from "kysely";
import { ClientSite, type Credentials } from "./client-site.ts";
import { openDatabase, type Tables } from "./database.ts";
import { type Listener, listen } from "./listener.ts";
import type { Site } from "./page.ts";
import { ServerSite } from "./server-site.ts";

/** What {@link startSites} takes. */
export interface SitesOptions {
  /** The directory for the databases, one for each site. */
  readonly data: string;
  /** The port of the first site, which the others follow; 0 for any that are free. */
  readonly port: number;
}

/** The sites while they run. */
export interface Sites extends AsyncDisposable {
  /** The server first. */
  readonly sites: readonly [server: Site, ...clients: Site[]];
}

/** What a site runs on. */
interface Place {
  readonly site: Site;
  readonly db: Kysely<Tables>;
  readonly listener: Listener;
}

/** How often what has expired is forgotten, in milliseconds. */
const purgeInterval = 300_000;

/** Starts the server and its clients, each with a name, a port and a database of its own. */
export async function startSites({ data, port }: SitesOptions): Promise<Sites> {
  const places: Place[] = [];
  const open = async (name: string, purpose: string): Promise<Place> => {
    const label = name.toLowerCase();
    const db = await openDatabase(join(data, `${label}.sqlite`));
    const listener = await listen(`${label}.localhost`, port === 0 ? 0 : port + places.length);
    const place = { site: { name, purpose, origin: listener.origin }, db, listener };
    places.push(place);
    return place;
  };
  const close = async (): Promise<void> => {
    await Promise.all(places.map(({ listener }) => listener[Symbol.asyncDispose]()));
    await Promise.all(places.map(({ db }) => db.destroy()));
  };
  try {
    const accounts = await open("Accounts", "The one place where you sign in.");
    const wiki = await open("Wiki", "What we know.");
    const shop = await open("Shop", "What we sell.");
    const sites = [accounts.site, wiki.site, shop.site] as const;

    const server = new ServerSite(accounts.db, accounts.site, sites);
    await server.addPeople();
    accounts.listener.serve(server.application);
    const running: (ServerSite | ClientSite)[] = [server];
    for (const { site, db, listener } of [wiki, shop]) {
      const client = new ClientSite(db, site, sites, await register(accounts.db, site));
      listener.serve(client.application);
      running.push(client);
    }

    const purge = () => Promise.all(running.map((one) => one.purge()));
    const timer = setInterval(() => purge().catch(console.error), purgeInterval);
    return {
      sites,
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Makes a client known to the server.
 *
 * @returns what the client signs with. Where the sites do not run in one process, it is handed over in a way that
 * nobody else can read.
 */
async function register(db: Kysely<Tables>, { name, origin }: Site): Promise<Credentials> {
  const consumers = new KyselyConsumerRepository(db);
  const known = (await consumers.list()).find((one) => one.name === name);
  const consumer =
    known ??
    newConsumer({
      name,
      format: "http-signature",
      redirectUris: [`${origin}/client/authenticate/`],
      signOutUri: `${origin}/client/sign-out/`,
    });
  if (known === undefined) await consumers.save(consumer);
  return { key: consumer.key, secret: consumer.secrets[0]?.value ?? "" };
}
