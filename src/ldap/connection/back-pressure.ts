import type { Duplex } from "node:stream";

/** Stops the reading of a socket while more than so many bytes of messages wait to be taken. */
export class BackPressure {
  readonly #socket: Duplex;
  readonly #highWaterMark: number;
  #buffered = 0;
  #paused = false;
  /** How many searches are waited for before anything else is taken. */
  #held = 0;

  constructor(socket: Duplex, highWaterMark: number) {
    this.#socket = socket;
    this.#highWaterMark = highWaterMark;
  }

  /** How many bytes of messages wait. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Whether the reading has been stopped. */
  get paused(): boolean {
    return this.#paused;
  }

  /** A message of this length waits to be taken. */
  add(bytes: number): void {
    this.#buffered += bytes;
    if (!this.#paused && this.#held === 0 && this.#buffered >= this.#highWaterMark) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  /**
   * Reading goes on, whatever waits, until the function that is returned is called: the response to a request may come
   * behind messages that are taken only after it.
   */
  hold(): () => void {
    this.#held += 1;
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    return () => {
      this.#held -= 1;
      this.add(0);
    };
  }

  /** Messages of this length in all have been taken, or are not wanted any more. */
  release(bytes: number): void {
    this.#buffered -= bytes;
    if (this.#paused && this.#buffered <= this.#highWaterMark / 2) {
      this.#paused = false;
      this.#socket.resume();
    }
  }
}
