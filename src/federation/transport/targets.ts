import type { Pool } from "undici";
import { withDefaults } from "../../core/index.js";
import type { FederationServer, ServerRepository } from "../../repositories/index.js";
import { breakerEvents } from "../channels.js";
import { FederationError } from "../errors.js";
import type { ResolveAddress } from "./address.js";
import { Breaker, type BreakerOptions } from "./breaker.js";
import type { ContentLimits } from "./content-deadline.js";
import { watchHealth } from "./health-check.js";
import { defaultLimits, openServerPool } from "./pool.js";
import { readServers } from "./server-definition.js";
import type { ExchangeLimits } from "./server-exchange.js";

/** Which servers there are, and which of them may be used. */
export interface TargetsOptions {
  /** The servers, by the identifiers that rules mean them by. */
  readonly servers: ServerRepository;
  /**
   * The origins that this side is reached at itself, such as `https://pi.example.com`. A server with one of them is
   * refused: it would ask itself.
   */
  readonly ownOrigins?: readonly string[] | undefined;
  /** The only origins that servers may have. Default: any. For servers that others than you may define. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** When a server that fails is left in peace. */
  readonly breaker?: BreakerOptions | undefined;
  /** Resolves the names of servers. Default: as the system does. */
  readonly resolve?: ResolveAddress | undefined;
  /** The time in milliseconds, from any beginning. Default: the monotonic clock. */
  readonly now?: (() => number) | undefined;
}

/** A server, and what is kept open for it. */
export interface Target {
  /** The definition as the store has it. */
  readonly definition: FederationServer;
  readonly server: FederationServer;
  readonly pool: Pool;
  readonly basePath: string;
  readonly limits: ExchangeLimits;
  readonly breaker: Breaker;
  readonly health: Disposable | undefined;
}

/** Keeps connections open to the servers that were used, as long as their definitions stay what they are. */
export class Targets {
  readonly #options: TargetsOptions;
  readonly #open = new Map<string, Target>();
  readonly #now: () => number;
  readonly #breakerEvents = breakerEvents();
  #isClosed = false;

  constructor(options: TargetsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The server with an identifier, as its definition is now. @throws {FederationError} it cannot be used. */
  async get(identifier: string): Promise<Target> {
    let definition: FederationServer | undefined;
    try {
      definition = await this.#options.servers.get(identifier);
    } catch (cause) {
      throw new FederationError("unreadable_definition", identifier, { cause });
    }
    return this.#targetOf(definition, identifier);
  }

  /**
   * How long a client may take for content that one of some servers is to get: as long as each of them waits for it.
   */
  async contentLimits(identifiers: readonly string[]): Promise<ContentLimits> {
    const limits = await Promise.all(
      identifiers.map(async (identifier) => {
        try {
          return (await this.#options.servers.get(identifier))?.limits ?? {};
        } catch {
          // That it cannot be read is said when the server is to be asked.
          return {};
        }
      }),
    );
    const least = (name: "content" | "total"): number =>
      Math.min(...limits.map((own) => own[name] ?? defaultLimits[name]), defaultLimits[name]);
    return { content: least("content"), total: least("total") };
  }

  /** The server with an identifier, if it was used before. */
  known(identifier: string): Target | undefined {
    return this.#open.get(identifier);
  }

  /** Ends all connections. Requests under way fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const targets = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(
      targets.map(async ({ pool, health }) => {
        health?.[Symbol.dispose]();
        await pool.destroy();
      }),
    );
  }

  #targetOf(definition: FederationServer | undefined, identifier: string): Target {
    if (this.#isClosed) throw new FederationError("closed", identifier);
    const known = this.#open.get(identifier);
    if (definition !== undefined && known !== undefined && isSame(known.definition, definition)) {
      return known;
    }
    if (known !== undefined) {
      this.#open.delete(identifier);
      known.health?.[Symbol.dispose]();
      // What is under way to the server as it was may end.
      void known.pool.close();
    }
    if (definition === undefined) throw new FederationError("unknown_server", identifier);
    const target = this.#openTarget(definition);
    this.#open.set(identifier, target);
    return target;
  }

  #openTarget(definition: FederationServer): Target {
    const server = readDefinition(definition);
    const { identifier } = server;
    const { ownOrigins = [], allowedOrigins, breaker: options = {}, resolve } = this.#options;
    const { origin, pathname } = new URL(server.url);
    const isOwn = ownOrigins.some((own) => new URL(own).origin === origin);
    const isAllowed = allowedOrigins?.some((allowed) => new URL(allowed).origin === origin) ?? true;
    if (isOwn || !isAllowed) throw new FederationError("forbidden_address", identifier);
    const pool = openServerPool(server, resolve);
    const breaker = new Breaker(
      options,
      (state) => this.#breakerEvents.publish(() => ({ server: identifier, state })),
      this.#now,
    );
    const basePath = pathname === "/" ? "" : pathname;
    const health = watchHealth(server, basePath, pool, breaker);
    const limits = withDefaults(defaultLimits, server.limits ?? {});
    return { definition, server, pool, basePath, limits, breaker, health };
  }
}

/** Whether a definition is still what it was. A store may make a new object each time that it is asked. */
function isSame(known: FederationServer, server: FederationServer): boolean {
  return known === server || JSON.stringify(known) === JSON.stringify(server);
}

/** Reads a definition once for each change: a store may hold what another program has written. */
function readDefinition(definition: FederationServer): FederationServer {
  try {
    const [server = definition] = readServers([definition]);
    return server;
  } catch (cause) {
    throw new FederationError("bad_definition", definition.identifier, { cause });
  }
}
