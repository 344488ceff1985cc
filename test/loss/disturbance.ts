import { setTimeout as sleep } from "node:timers/promises";
import { loseCheckpoint } from "./application.js";
import type { Deployment } from "./deployment.js";
import { bound } from "./logged-client.js";
import type { Plan, Step } from "./plan.js";
import type { Random } from "./random.js";
import type { Runners } from "./runners.js";
import { everyDnOf, mobileUnits, type Units } from "./units.js";

const second = 1_000;
const hour = 3_600 * second;
/** By how much the clock of the server is ahead of that of the machine, one after the other by chance. */
const clocks = [-3 * hour, -3 * second, 0, 3 * second, 3 * hour] as const;

/** What is disturbed. */
export interface Disturbed {
  readonly directory: Deployment;
  readonly runners: Runners;
  readonly units: Units;
  /** The file with the tables of the application. */
  readonly database: string;
}

/** Does the steps of a plan. */
export class Disturbance {
  /** How often each step was done. */
  readonly done: Map<Step, number> = new Map();
  readonly #disturbed: Disturbed;
  readonly #random: Random;

  constructor(disturbed: Disturbed, random: Random) {
    this.#disturbed = disturbed;
    this.#random = random;
  }

  /**
   * What is done in each round: everything in every other round. In the rounds between connections are cut and nothing else, while
   * all write together: a consumer that was away for long, or a server with an empty session log, needs a refresh by presence, which
   * would repair what one from the log had lost.
   */
  static plan({ rounds, steps }: Plan, random: Random): readonly (readonly Step[])[] {
    const kinds = Object.entries(steps) as [Step, number][];
    const all = random.shuffled(
      kinds.flatMap(([step, count]) => Array.from({ length: count }, () => step)),
    );
    const share = Math.ceil(all.length / Math.ceil(rounds / 2));
    return Array.from({ length: rounds }, (_, round) =>
      round % 2 === 0 ? all.slice((round / 2) * share, (round / 2 + 1) * share) : [],
    );
  }

  async do(step: Step): Promise<void> {
    const { directory, runners, database } = this.#disturbed;
    switch (step) {
      case "killConsumer":
        await runners.replace();
        break;
      case "freezeConsumer":
        await runners.freeze();
        break;
      case "killServer":
        await directory.main.stop("SIGKILL");
        await this.#pause(300);
        await directory.main.start();
        break;
      case "secondRunner":
        // Beside one that is at work, or two at once.
        if (this.#random.chance(0.3)) await runners.kill();
        runners.start(runners.count === 0 ? 2 : 1);
        break;
      case "loseCheckpoint":
        await runners.kill();
        loseCheckpoint(database);
        runners.start(this.#random.chance(0.5) ? 2 : 1);
        break;
      case "restore":
        await this.#restore();
        break;
      case "setClock":
        await this.#whileSomeAreAway(() => this.#setClock());
        break;
      case "moveUnit":
        await this.#whileSomeAreAway(() => this.#moveUnit());
        break;
      case "switchServer":
        directory.switchServer();
        break;
      case "lag":
        directory.lag();
        break;
    }
    this.done.set(step, (this.done.get(step) ?? 0) + 1);
  }

  /** Does something, sometimes while nobody follows, and goes on without anybody for a moment. */
  async #whileSomeAreAway(work: () => Promise<void>): Promise<void> {
    const { runners } = this.#disturbed;
    const isAway = this.#random.chance(0.4);
    if (isAway) await runners.kill();
    await work();
    if (!isAway) return;
    await this.#pause(500);
    runners.start();
  }

  async #restore(): Promise<void> {
    const { directory, units } = this.#disturbed;
    const { main } = directory;
    const backup = await main.backUp();
    await sleep(this.#random.between(200, 1_500));
    await this.#whileSomeAreAway(async () => {
      await main.stop(this.#random.chance(0.5) ? "SIGKILL" : "SIGTERM");
      await main.restore(backup);
      await main.start();
      await this.#asAdministrator((client) => units.orient(client));
    });
  }

  async #setClock(): Promise<void> {
    const { main } = this.#disturbed.directory;
    const isRestarted = this.#random.chance(0.3);
    if (isRestarted) await main.stop();
    await main.clock?.setAhead(this.#random.pick(clocks) ?? 0);
    if (isRestarted) await main.start();
  }

  /** To any of the places where it may be and is not, half of which are outside of the base. */
  async #moveUnit(): Promise<void> {
    const { units } = this.#disturbed;
    const unit = this.#random.pick(mobileUnits) ?? 2;
    const places = everyDnOf(unit).filter((dn) => dn !== units.dnOf(unit));
    const to = this.#random.pick(places) ?? "";
    await this.#asAdministrator((client) => units.move(client, unit, to));
  }

  async #asAdministrator(
    work: (client: Awaited<ReturnType<typeof bound>>) => Promise<void>,
  ): Promise<void> {
    const client = await bound(this.#disturbed.directory.main);
    try {
      await work(client);
    } finally {
      await client.unbind();
    }
  }

  async #pause(most: number): Promise<void> {
    await sleep(this.#random.between(0, most));
  }
}
