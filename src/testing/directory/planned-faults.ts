import { ResultCode } from "./errors.js";
import type { DelayedWrite, DirectoryFaults, DropPoint, SpoiltCookie, Stall } from "./faults.js";
import type { ReplicatedWriteOptions } from "./records.js";

/** To which part of a synchronization a message belongs. */
export type Stage = "refresh" | "live";

/** What is sent of a message, and whether the connection ends after it. */
export interface Admission {
  readonly bytes: Buffer;
  readonly drops: boolean;
}

/** What is done in the middle of a refresh. */
export interface Interruption {
  readonly afterMessages: number;
  readonly work: () => void | Promise<void>;
}

/** What faults do to the directory at once. */
export interface FaultEffects {
  readonly trimSessionLog: (keep: number) => void;
  readonly delayWrite: (write: () => unknown, options?: ReplicatedWriteOptions) => DelayedWrite;
  readonly undo: (write: () => unknown) => void;
}

/** The faults that were planned, and what the rest of the directory asks about them. */
export class PlannedFaults implements DirectoryFaults {
  readonly #effects: FaultEffects;
  #drops: { of: NonNullable<DropPoint["of"]>; messages: number; bytes: number }[] = [];
  #refusals: number[] = [];
  #ignoredCookies = 0;
  #spoiltCookies: SpoiltCookie[] = [];
  #interruptions: Interruption[] = [];
  readonly #delayed = new Set<DelayedWrite>();
  readonly #sending = new Gate();
  readonly #reading = new Gate();
  #pause: (() => Promise<void>) | undefined;

  constructor(effects: FaultEffects) {
    this.#effects = effects;
  }

  dropConnection({ afterMessages = 0, afterBytes = 0, of = "all" }: DropPoint = {}): void {
    this.#drops.push({ of, messages: afterMessages, bytes: afterBytes });
  }

  refuseResume(resultCode: number = ResultCode.syncRefreshRequired): void {
    this.#refusals.push(resultCode);
  }

  ignoreCookie(): void {
    this.#ignoredCookies += 1;
  }

  spoilCookies(how: SpoiltCookie, count: number = 1): void {
    for (let number = 0; number < count; number++) this.#spoiltCookies.push(how);
  }

  trimSessionLog(keep: number = 0): void {
    this.#effects.trimSessionLog(keep);
  }

  delayWrite(write: () => unknown, options?: ReplicatedWriteOptions): DelayedWrite {
    const begun = this.#effects.delayWrite(write, options);
    const delayed: DelayedWrite = {
      csn: begun.csn,
      complete: () => {
        if (this.#delayed.delete(delayed)) begun.complete();
      },
    };
    this.#delayed.add(delayed);
    return delayed;
  }

  undo(write: () => unknown): void {
    this.#effects.undo(write);
  }

  duringRefresh(work: () => void | Promise<void>, afterMessages: number = 0): void {
    this.#interruptions.push({ afterMessages, work });
  }

  stopSending(): Stall {
    return this.#sending.close();
  }

  sendSlowly(pause: () => Promise<void>): void {
    this.#pause = pause;
  }

  stopReading(): Stall {
    return this.#reading.close();
  }

  clear(): void {
    this.#drops = [];
    this.#refusals = [];
    this.#ignoredCookies = 0;
    this.#spoiltCookies = [];
    this.#interruptions = [];
    this.#pause = undefined;
    for (const delayed of this.#delayed) {
      try {
        delayed.complete();
      } catch {
        // It was overtaken by a write that makes it impossible, as a client would have seen in the response.
      }
    }
    this.#sending.open();
    this.#reading.open();
  }

  /** What of a message may be sent now. */
  admit(encoded: Buffer, stage: Stage | undefined): Admission {
    for (const drop of this.#drops) {
      if (drop.of !== "all" && drop.of !== stage) continue;
      if (drop.messages > 0) {
        drop.messages -= 1;
      } else if (drop.bytes >= encoded.length) {
        drop.bytes -= encoded.length;
      } else {
        this.#drops = this.#drops.filter((other) => other !== drop);
        return { bytes: encoded.subarray(0, drop.bytes), drops: true };
      }
    }
    return { bytes: encoded, drops: false };
  }

  /** Whether messages have to wait for {@link PlannedFaults.maySend}. */
  get holdsBack(): boolean {
    return this.#pause !== undefined || this.#sending.opened !== undefined;
  }

  /** Fulfilled when the next message may be sent. */
  async maySend(): Promise<void> {
    await this.#pause?.();
    await this.#sending.opened;
  }

  /** While requests are not read: fulfilled when they are. */
  get readsAgain(): Promise<void> | undefined {
    return this.#reading.opened;
  }

  /** The result code with which to refuse a resume, if it is to be refused. */
  takeRefusal(): number | undefined {
    return this.#refusals.shift();
  }

  /** Whether to take a cookie for one that cannot be read. */
  takeIgnoredCookie(): boolean {
    if (this.#ignoredCookies === 0) return false;
    this.#ignoredCookies -= 1;
    return true;
  }

  /** How the next cookie is to be spoilt, if it is. */
  takeSpoiltCookie(): SpoiltCookie | undefined {
    return this.#spoiltCookies.shift();
  }

  /** What is to be done in the middle of a refresh that begins. */
  takeInterruption(): Interruption | undefined {
    return this.#interruptions.shift();
  }
}

/** Open, unless it was closed and not opened since. */
class Gate {
  /** While it is closed: fulfilled when it opens. */
  opened: Promise<void> | undefined;
  #stalls = new Set<Stall>();
  #resolve: (() => void) | undefined;

  close(): Stall {
    this.opened ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const end = () => {
      if (this.#stalls.delete(stall) && this.#stalls.size === 0) this.open();
    };
    const stall: Stall = { end, [Symbol.dispose]: end };
    this.#stalls.add(stall);
    return stall;
  }

  open(): void {
    this.#stalls.clear();
    this.opened = undefined;
    this.#resolve?.();
  }
}
