import { setTimeout as sleep } from "node:timers/promises";
import { KillableProgram } from "../killable-program.js";
import type { ConsumerOptions } from "./consumer.ts";

/** For how long nothing is heard of the process at work before another takes its place, in milliseconds. */
const lease = 1_500;
/** For how long a process is frozen at most, in milliseconds: what it has under way is done soon after that. */
const frozenFor = 3_000;

/**
 * The processes that follow one stream into the same tables: one, or for a while several, of which the last to begin goes
 * on; or one and those that stand by.
 */
export class Runners implements AsyncDisposable {
  /** How many were killed. */
  kills = 0;
  /** How many ended because another one had begun. */
  superseded = 0;
  readonly #path: string;
  readonly #options: ConsumerOptions;
  readonly #standbys: number;
  #programs: readonly KillableProgram[] = [];
  /** When a place was to be taken last. */
  #changedAt = performance.now();

  /** @param standbys how many stand by beside the one at work; none: who begins takes the stream from the others. */
  constructor(path: string, options: ConsumerOptions, standbys = 0) {
    this.#path = path;
    this.#options = standbys === 0 ? options : { ...options, lease };
    this.#standbys = standbys;
  }

  /** Starts processes beside those that there are; with standbys, as many as are missing. */
  start(count = 1): void {
    const missing = this.#standbys === 0 ? count : 1 + this.#standbys - this.#programs.length;
    for (let i = 0; i < missing; i++) {
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
      if (!isTaken || this.#standbys > 0 || this.#programs.length === 1) throw failure;
      this.#programs = this.#programs.filter((other) => other !== program);
      this.superseded += 1;
    }
  }

  get count(): number {
    this.check();
    return this.#programs.length;
  }

  /** How many follow the stream that are to end by themselves. */
  get superfluous(): number {
    return this.count - 1 - this.#standbys;
  }

  /** Resolves when the last that was started is at work, or after a while: without its server none begins to read. */
  async untilItWorks(): Promise<void> {
    const works =
      this.#standbys === 0
        ? this.#programs.at(-1)?.untilItWorks()
        : this.#untilBegun(lease + 3_000);
    // Why one has ended is seen below.
    await Promise.race([works?.catch(() => undefined), sleep(lease + 3_000)]);
    this.check();
  }

  /** Kills all and starts one; with standbys, kills the one at work, and starts another that stands by. */
  async replace(): Promise<void> {
    const worker = this.#worker;
    if (this.#standbys === 0 || worker === undefined) await this.kill();
    else {
      this.check();
      this.kills += 1;
      this.#changedAt = performance.now();
      this.#programs = this.#programs.filter((program) => program !== worker);
      await worker[Symbol.asyncDispose]();
    }
    this.start();
  }

  /** Freezes the one at work until another has taken its place, or for as long as one is frozen at most. */
  async freeze(): Promise<void> {
    this.check();
    const worker = this.#worker;
    this.#changedAt = performance.now();
    worker?.freeze();
    await this.#untilBegun(frozenFor);
    worker?.thaw();
  }

  async kill(): Promise<void> {
    this.check();
    this.kills += this.#programs.length;
    this.#changedAt = performance.now();
    await this[Symbol.asyncDispose]();
  }

  /** The one that began last. */
  get #worker(): KillableProgram | undefined {
    const begun = this.#programs.filter((program) => program.saidAt("began") !== undefined);
    return begun.sort((one, other) => beganAt(one) - beganAt(other)).at(-1);
  }

  async #untilBegun(most: number): Promise<void> {
    const until = performance.now() + most;
    const isBegun = () => this.#programs.some((program) => beganAt(program) > this.#changedAt);
    while (!isBegun() && performance.now() < until) await sleep(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = this.#programs;
    this.#programs = [];
    await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
  }
}

function beganAt(program: KillableProgram): number {
  return program.saidAt("began") ?? 0;
}
