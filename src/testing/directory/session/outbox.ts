import type { Socket } from "node:net";
import type { PlannedFaults, Stage } from "../planned-faults.js";

/** What one client is sent: at once, or, where faults say so, late, in part, or not at all. */
export class Outbox {
  readonly #faults: PlannedFaults;
  #socket: Socket;
  #waiting: { encoded: Buffer; stage: Stage | undefined; sent: () => void }[] = [];
  #drained: Promise<void> | undefined;
  #isClosed = false;

  constructor(socket: Socket, faults: PlannedFaults) {
    this.#socket = socket;
    this.#faults = faults;
  }

  /** Fulfilled when the client can take more; undefined when it can now. */
  get drained(): Promise<void> | undefined {
    return this.#drained;
  }

  /** Sends through another socket from now on, as after StartTLS. */
  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** Sends a message. Resolves when the client can take more. */
  send(encoded: Buffer, stage: Stage | undefined): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    if (this.#waiting.length === 0 && !this.#faults.holdsBack) return this.#write(encoded, stage);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ encoded, stage, sent: resolve });
    if (this.#waiting.length === 1) void this.#sendWaiting();
    return promise;
  }

  /** Sends nothing more, and lets no caller wait. */
  close(): void {
    this.#isClosed = true;
    for (const { sent } of this.#waiting) sent();
    this.#waiting = [];
  }

  async #sendWaiting(): Promise<void> {
    for (;;) {
      try {
        await this.#faults.maySend();
      } catch {
        // It is not known when to send this, or anything after it.
        this.close();
        this.#socket.destroy();
        return;
      }
      const [next] = this.#waiting;
      if (next === undefined) return;
      await this.#write(next.encoded, next.stage);
      next.sent();
      this.#waiting.shift();
      if (this.#waiting.length === 0) return;
    }
  }

  #write(encoded: Buffer, stage: Stage | undefined): Promise<void> | undefined {
    const socket = this.#socket;
    if (this.#isClosed || !socket.writable) return undefined;
    const { bytes, drops } = this.#faults.admit(encoded, stage);
    const isTaken = socket.write(bytes);
    if (drops) {
      this.close();
      socket.destroySoon();
      return undefined;
    }
    if (isTaken) return undefined;
    this.#drained ??= new Promise((resolve) => {
      const resume = () => {
        socket.off("drain", resume);
        socket.off("close", resume);
        this.#drained = undefined;
        resolve();
      };
      socket.on("drain", resume);
      socket.on("close", resume);
    });
    return this.#drained;
  }
}
