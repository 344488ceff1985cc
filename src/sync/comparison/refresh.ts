import { Comparison } from "./comparison.js";

/** The refresh under way, and what shows that everything has to be read anew. It lasts as long as a run. */
export class Refresh {
  #comparison: Comparison | undefined;
  #state: readonly string[] | undefined;
  #restart: string | undefined;
  readonly #unknown = new Set<string>();

  /** What the refresh under way shows; undefined while there is none. */
  get comparison(): Comparison | undefined {
    return this.#comparison;
  }

  get isUnderWay(): boolean {
    return this.#comparison !== undefined;
  }

  /** Up to which stamps the source held everything when the last refresh began, where it says so. */
  get state(): readonly string[] | undefined {
    return this.#state;
  }

  begin(state: readonly string[] | undefined): void {
    this.#state = state;
    this.#comparison = new Comparison();
  }

  end(): void {
    this.#comparison = undefined;
  }

  /** The entry is said to be unchanged and is not known. Before a checkpoint is stored, it has to be. */
  noteUnknown(sourceId: string): void {
    this.#unknown.add(sourceId);
  }

  /** The entry is reported as deleted. */
  noteGone(sourceId: string): void {
    this.#unknown.delete(sourceId);
  }

  /** The entries that were not known, since this was asked last. */
  takeUnknown(): readonly string[] {
    const unknown = [...this.#unknown];
    this.#unknown.clear();
    return unknown;
  }

  /** Has everything read anew: the stored state does not fit the stream. The first reason is kept. */
  restart(reason: string): void {
    this.#restart ??= reason;
  }

  /** Whether everything has to be read anew. What follows cannot be judged then, a sweep least of all. */
  get isRestarting(): boolean {
    return this.#restart !== undefined;
  }

  get restartReason(): string | undefined {
    return this.#restart;
  }

  /** Everything is read anew. */
  beginAnew(): void {
    this.#restart = undefined;
    this.#comparison = undefined;
    this.#unknown.clear();
  }
}
