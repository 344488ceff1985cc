import { setTimeout as sleep } from "node:timers/promises";
import { KillableProgram } from "../killable-program.js";
import type { ConsumerOptions } from "./consumer.ts";

/** The processes that follow one stream into the same tables: one, or for a while several, of which the last to begin goes on. */
export class Runners implements AsyncDisposable {
  /** How many were killed. */
  kills = 0;
  /** How many ended because another one had begun. */
  superseded = 0;
  readonly #path: string;
  readonly #options: ConsumerOptions;
  #programs: readonly KillableProgram[] = [];

  constructor(path: string, options: ConsumerOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Starts processes beside those that there are. */
  start(count = 1): void {
    for (let i = 0; i < count; i++) {
      const program = new KillableProgram(this.#path, this.#options);
      program.start();
      this.#programs = [...this.#programs, program];
    }
  }

  /** @throws if one has ended by itself, but for those after which another one began. */
  check(): void {
    for (const program of this.#programs) {
      const { failure } = program;
      if (failure === undefined) continue;
      const isTaken = failure.message.includes("StreamTakenError");
      if (!isTaken || this.#programs.length === 1) throw failure;
      this.#programs = this.#programs.filter((other) => other !== program);
      this.superseded += 1;
    }
  }

  get count(): number {
    this.check();
    return this.#programs.length;
  }

  /** Resolves when the last that was started is at work, or after a while: without its server none begins to read. */
  async untilItWorks(): Promise<void> {
    const works = this.#programs.at(-1)?.untilItWorks();
    // Why one has ended is seen below.
    await Promise.race([works?.catch(() => undefined), sleep(3_000)]);
    this.check();
  }

  async kill(): Promise<void> {
    this.check();
    this.kills += this.#programs.length;
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = this.#programs;
    this.#programs = [];
    await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
  }
}
