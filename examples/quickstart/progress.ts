import { setTimeout as sleep } from "node:timers/promises";
import type { Terminal } from "./terminal.ts";

/** How many columns a bar gets at most, and so in how many steps it grows. */
const longestBar = 40;

/** Progress that is drawn in one line: a bar where the whole is known, else a count. A log gets a line now and then. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #label: string;
  readonly #total: number | undefined;
  #count = 0;
  #drawnCount = 0;
  #drawnAt: number = performance.now();
  #rested = 0;

  constructor(terminal: Terminal, label: string, total?: number) {
    this.#terminal = terminal;
    this.#label = label;
    this.#total = total;
    terminal.status(this.#text());
  }

  /** How long it has rested, in milliseconds. */
  get rested(): number {
    return this.#rested;
  }

  /**
   * One more is done. At each step of a bar it rests for a moment: it would be full before anybody has seen it grow.
   */
  async advance(): Promise<void> {
    this.#count += 1;
    if (!this.#isDue()) return;
    const start = performance.now();
    this.#drawnCount = this.#count;
    this.#drawnAt = start;
    if (!this.#terminal.isInteractive) {
      this.#terminal.line(this.#text());
      return;
    }
    this.#terminal.status(this.#text());
    if (this.#total === undefined) return;
    await sleep(20);
    this.#rested += performance.now() - start;
  }

  #isDue(): boolean {
    const { isInteractive } = this.#terminal;
    if (this.#total === undefined) {
      return performance.now() - this.#drawnAt >= (isInteractive ? 40 : 1000);
    }
    const steps = isInteractive ? longestBar : 4;
    return this.#count - this.#drawnCount >= this.#total / steps;
  }

  #text(): string {
    const { isInteractive, symbols, width } = this.#terminal;
    const label = this.#terminal.style("title", this.#label);
    const count = this.#count.toLocaleString("en");
    if (this.#total === undefined) return `${label}  ${count}`;
    const numbers = `${count} of ${this.#total.toLocaleString("en")}`;
    if (!isInteractive) return `${label}  ${numbers}`;
    const length = Math.min(longestBar, width - 35);
    const done = Math.min(length, Math.round((length * this.#count) / this.#total));
    const full = this.#terminal.style("good", symbols.barDone.repeat(done));
    const empty = this.#terminal.style("aside", symbols.barLeft.repeat(length - done));
    return `${label}  ${full}${empty}  ${numbers}`;
  }
}
