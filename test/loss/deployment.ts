import { setTimeout as sleep } from "node:timers/promises";
import { type Providers, startProviders } from "../integration/providers.js";
import { type Slapd, startSlapd } from "../integration/slapd.js";
import type { TcpRelay } from "../integration/tcp-relay.js";
import { CuttingProxy } from "./cutting-proxy.js";
import { readDirectory } from "./directory-content.js";
import { firstLdif } from "./first-ldif.js";
import { bound } from "./logged-client.js";
import type { Plan } from "./plan.js";
import type { Random } from "./random.js";

/** A server, what stands before it, and what it learns of the other one. */
interface Server {
  readonly slapd: Slapd;
  readonly proxy: CuttingProxy;
  readonly replication?: TcpRelay;
}

/** The servers of a directory: one, or two that replicate each other, of which one takes the writes at a time. */
export class Deployment implements AsyncDisposable {
  readonly #servers: readonly [Server, ...Server[]];
  readonly #started: AsyncDisposableStack;
  #main: Server;
  /** The server that cannot be reached by who follows. */
  #refusing: Server | undefined;
  #isLagging = false;

  private constructor(servers: readonly [Server, ...Server[]], started: AsyncDisposableStack) {
    this.#servers = servers;
    this.#started = started;
    this.#main = servers[0];
  }

  static async start(plan: Plan, random: Random): Promise<Deployment> {
    const { sessionLog, refint, clock } = plan;
    const options = { sessionLog, refint, clock, ldif: firstLdif() };
    const started = new AsyncDisposableStack();
    const before = async (slapd: Slapd) =>
      started.use(await CuttingProxy.start(slapd.url, random.fork()));
    try {
      if (!plan.isMirrored) {
        const slapd = started.use(await startSlapd(options));
        return new Deployment([{ slapd, proxy: await before(slapd) }], started);
      }
      const { first, second }: Providers = started.use(await startProviders(options));
      return new Deployment(
        [
          { ...first, proxy: await before(first.slapd) },
          { ...second, proxy: await before(second.slapd) },
        ],
        started,
      );
    } catch (error) {
      await started.disposeAsync();
      throw error;
    }
  }

  /** The server that takes the writes. */
  get main(): Slapd {
    return this.#main.slapd;
  }

  /** Where those who follow find the servers. */
  get urls(): readonly string[] {
    return this.#servers.map(({ proxy }) => proxy.url);
  }

  get cuts(): number {
    return this.#servers.reduce((sum, { proxy }) => sum + proxy.cuts, 0);
  }

  /** From now on every connection is cut sooner or later. */
  begin(): void {
    for (const { proxy } of this.#servers) proxy.begin();
  }

  /** Leaves connections alone from now on, and lets all servers be reached and learn of each other. */
  calm(): void {
    this.catchUp();
    for (const { proxy } of this.#servers) {
      proxy.calm();
      proxy.accept();
    }
    this.#refusing = undefined;
  }

  /** Lets all servers receive what they have missed: one that cannot tell the other of its changes takes no more for long. */
  catchUp(): void {
    for (const { replication } of this.#servers) replication?.resume();
    this.#isLagging = false;
  }

  /** Sends those who follow to the other server. */
  switchServer(): void {
    const [first, second] = this.#servers;
    this.#refusing?.proxy.accept();
    this.#refusing = this.#refusing === first ? second : first;
    this.#refusing?.proxy.refuse();
  }

  /** Lets the servers that take no writes lag behind from now on, or lets them receive what they have missed. */
  lag(): void {
    this.#isLagging = !this.#isLagging;
    for (const { replication, slapd } of this.#servers) {
      if (slapd === this.main) continue;
      if (this.#isLagging) replication?.pause();
      else replication?.resume();
    }
  }

  /** Has another server take the writes from now on. All hold the same. */
  changeMain(): void {
    this.#main = this.#servers.find((server) => server !== this.#main) ?? this.#main;
  }

  /** Waits until all servers hold the same. */
  async areEqual(patience: number): Promise<void> {
    if (this.#servers.length === 1) return;
    const deadline = Date.now() + patience;
    for (;;) {
      const contents = await Promise.all(this.#servers.map(({ slapd }) => contentOf(slapd)));
      if (new Set(contents).size === 1) return;
      if (Date.now() > deadline) throw new Error("The servers do not come to hold the same.");
      await sleep(100);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.calm();
    return this.#started.disposeAsync();
  }
}

async function contentOf(slapd: Slapd): Promise<string> {
  const client = await bound(slapd);
  try {
    const entries = (await readDirectory(client)).map((entry) => {
      const members = entry.members.map(({ kind, name }) => `${kind} ${name}`).sort();
      return JSON.stringify({ ...entry, aliases: entry.aliases.toSorted(), members });
    });
    return entries.sort().join("\n");
  } finally {
    await client.unbind();
  }
}
