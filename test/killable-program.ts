import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A program that can be killed and started again, and that nothing else may end. */
export class KillableProgram implements AsyncDisposable {
  kills = 0;
  readonly #path: string;
  readonly #options: object;
  #child: ChildProcess | undefined;
  #failure: Error | undefined;
  #isAtWork: Promise<unknown> = Promise.resolve();
  #saidAt = new Map<string, number>();

  /** @param options What the program is given as its argument, in JSON. */
  constructor(path: string, options: object) {
    this.#path = path;
    this.#options = options;
  }

  start(): void {
    const child = spawn(process.execPath, [this.#path, JSON.stringify(this.#options)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-4_000);
    });
    child.once("close", (code) => {
      if (this.#child !== child) return;
      this.#failure = new Error(`${this.#path} ended by itself, with ${code}: ${complaint}`);
    });
    this.#isAtWork = once(child.stdout, "data");
    this.#saidAt = new Map();
    const saidAt = this.#saidAt;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n")) saidAt.set(line, performance.now());
    });
    this.#child = child;
  }

  /** How the process has ended, if it was not killed. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** When the process has last written this line; undefined: it has not. */
  saidAt(line: string): number | undefined {
    return this.#saidAt.get(line);
  }

  /** Stops the process where it is, until it is thawed. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Throws if the process has ended without being killed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when it has written for the first time, which says that it is at work. */
  async untilItWorks(): Promise<void> {
    await this.#isAtWork;
    this.check();
  }

  async kill(): Promise<void> {
    this.check();
    this.kills += 1;
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    this.#child = undefined;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }
}
