import type { Socket } from "node:net";

/** Stops the reading of a socket while more than so many bytes of messages wait to be taken. */
export class BackPressure {
  readonly #socket: Socket;
  readonly #highWaterMark: number;
  #buffered = 0;
  #paused = false;

  constructor(socket: Socket, highWaterMark: number) {
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
    if (!this.#paused && this.#buffered >= this.#highWaterMark) {
      this.#paused = true;
      this.#socket.pause();
    }
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
