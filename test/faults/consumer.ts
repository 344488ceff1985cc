import diagnostics from "node:diagnostics_channel";
import { setImmediate } from "node:timers/promises";
import { StreamTakenError } from "concordat";
import type { ChangeBatch, ChangeStream } from "concordat/changes";
import {
  inetOrgPerson,
  profile,
  type WatchEvent,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { type Outcome, synchronize } from "concordat/sync";
import type { Directory } from "concordat/testing/directory";
import type { Target } from "../sync/stores.js";
import { mortal, ProcessEnded } from "./mortal.js";
import { base, contentFilter } from "./staff-directory.js";
import type { Run } from "./steps.js";

export const source = "directory";

/** Whether it is how a consumer ends that another one has taken the place of. */
function isEnd(error: unknown): boolean {
  return error instanceof StreamTakenError || error instanceof ProcessEnded;
}

/** Longer than anything but a mistake takes, in milliseconds. */
const patience = 20_000;
/** A delay that is not waited for: it only tells the sleep before a look at all names from the others. */
const reconcileEvery = 86_400_000;

const staff = profile({
  extends: inetOrgPerson,
  groupClasses: ["groupOfNames", "posixGroup"],
  members: [
    { attribute: "member", kind: "dn" },
    { attribute: "memberUid", kind: "uid" },
  ],
  user: {
    active: { reads: ["employeeType"], value: (entry) => entry.text("employeeType") !== "left" },
  },
});

/** What a consumer went through. */
export interface Fates {
  crashes: number;
  reconnects: number;
  resets: number;
  writes: number;
}

/** An application that follows the directory, in one process after the other. */
export class Consumer {
  readonly target: Target;
  readonly fates: Fates;
  /** Nothing that a crash interrupted is still to be done again. */
  isCalm = true;
  /** It has not been through a refresh since it was started, or connected. */
  isRefreshing = true;
  /** A look at what there is has begun beside the live changes, and not ended. */
  isComparing = false;
  readonly #run: Run;
  readonly #stream: ChangeStream;
  readonly #onOutcome: (outcome: Outcome) => void;
  readonly #betweenWrites: () => void | Promise<void>;
  readonly #later: () => number;
  readonly #rivals: () => number;
  /** How often one that was superseded while it began has taken the stream, since it began later after all. */
  #lost = 0;
  /** After how many writes processes are still to crash. */
  readonly crashes: number[];
  #isSuperseded = false;
  #stop = new AbortController();
  #life: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #namesDue: (() => void) | undefined;
  #comparingNames = false;
  /** How often all names were looked at. */
  #comparisons = 0;
  /** How often they had been when all groups were looked at last, which is after the names. */
  #groupsComparedAfter = 0;
  /** What a look at all of them has just ended, and its last batch is on its way. */
  #compared: "names" | "groups" | undefined;
  /** How many writes the process does before it crashes, if it does. */
  #lifeLeft: number | undefined;

  constructor(
    run: Run,
    directory: Directory,
    target: Target,
    hooks: {
      readonly onOutcome: (outcome: Outcome) => void;
      readonly betweenWrites: () => void | Promise<void>;
      /** How much later it is than it is, in milliseconds. */
      readonly later: () => number;
      /** How many others have followed the stream, and were superseded. */
      readonly rivals: () => number;
    },
    { fates, crashes }: Pick<Consumer, "fates" | "crashes">,
  ) {
    this.#run = run;
    this.fates = fates;
    this.crashes = crashes;
    this.#later = hooks.later;
    this.#rivals = hooks.rivals;
    this.target = target;
    this.#onOutcome = hooks.onOutcome;
    this.#betweenWrites = hooks.betweenWrites;
    this.#stream = this.#observed(
      watchDirectory({
        url: directory.url,
        base,
        filter: contentFilter,
        profile: staff,
        bind: { method: "simple", dn: directory.adminDn, password: directory.password },
        allowCleartext: true,
        source,
        mode: run.mode,
        batchSize: run.batchSize,
        reconcileEvery,
        reconcileGroups: true,
        random: () => 0.5,
        sleep: (delay, signal) =>
          delay === reconcileEvery ? this.#untilNamesAreDue(signal) : setImmediate(),
      }),
    );
  }

  /** Another one begins to follow the stream: this one ends at its next write, and is not started again. */
  supersede(): void {
    this.#isSuperseded = true;
  }

  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  start(): void {
    this.#stop = new AbortController();
    this.isRefreshing = true;
    this.#life = this.#live().finally(() => {
      this.#life = undefined;
      this.#wake?.();
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    await this.#life;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** No more crashes from now on. */
  spare(): void {
    this.crashes.length = 0;
    this.#lifeLeft = undefined;
  }

  /** Waits until something is so, looking whenever something was done. Starts a consumer that has come to an end. */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake?.();
    }, patience);
    try {
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        if (await isSo()) return;
        if (this.#failure !== undefined) throw this.#failure.error;
        if (isLate) throw new Error(`The consumer does not get to where ${what}.`);
        if (this.#life === undefined) this.start();
        await woken;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Has all names compared, and all groups if that is wanted, and what follows from it done. */
  async compareNames({ groups }: { readonly groups: boolean } = { groups: false }): Promise<void> {
    const before = this.#comparisons;
    await this.until("all names have been compared", async () => {
      if ((groups ? this.#groupsComparedAfter : this.#comparisons) > before) return true;
      this.askForNames();
      return false;
    });
  }

  /** Has all names compared as soon as it can be, without waiting for it. */
  askForNames(): void {
    this.#comparingNames = true;
    this.#namesDue?.();
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    const { nested, dangling, onDelete } = this.#run;
    const onEvent = (event: unknown) => this.#note(event as WatchEvent);
    diagnostics.subscribe(watchChannelName, onEvent);
    try {
      for (;;) {
        try {
          const outcomes = synchronize(this.#stream, this.#mortal(this.crashes.shift()), {
            nested,
            dangling,
            onDelete,
            maxDeletes: Number.POSITIVE_INFINITY,
            outages: { attempts: 20, delay: 1, maxDelay: 1 },
            now: () => Date.now() + this.#later(),
            signal,
          });
          for await (const outcome of outcomes) {
            if (outcome.kind === "refreshed") {
              this.isCalm = true;
              this.isRefreshing = false;
            }
            this.#onOutcome(outcome);
            this.#wake?.();
          }
          return;
        } catch (error) {
          if (signal.aborted) return;
          if (this.#isSuperseded && isEnd(error)) return;
          this.isCalm = false;
          if (error instanceof StreamTakenError && this.#lost < this.#rivals()) {
            // It is started again, and takes the stream back from one that is not.
            this.#lost += 1;
            continue;
          }
          if (!(error instanceof ProcessEnded)) throw error;
          this.fates.crashes += 1;
        }
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      diagnostics.unsubscribe(watchChannelName, onEvent);
    }
  }

  /** The stores as one process sees them, which ends before its write of this number. */
  #mortal(life: number | undefined): Target {
    this.#lifeLeft = life;
    return mortal(this.target, {
      beforeWrite: async () => {
        this.fates.writes += 1;
        await this.#betweenWrites();
      },
      endsAt: () => this.#lifeLeft !== undefined && this.#lifeLeft-- <= 0,
    });
  }

  /** The stream, with a look at which batches have been done with. */
  #observed(stream: ChangeStream): ChangeStream {
    const begun = ({ phase, refresh }: ChangeBatch) => {
      if (phase === "snapshot" && refresh === "begins") this.isRefreshing = true;
      if (phase === "reconcile" && refresh === "begins") this.isComparing = true;
      if (phase === "snapshot") this.isComparing = false;
    };
    const done = (batch: ChangeBatch) => {
      if (batch.phase === "reconcile" && batch.refresh === "ends") {
        this.isComparing = false;
        if (this.#compared === "names") this.#comparisons += 1;
        if (this.#compared === "groups") this.#groupsComparedAfter = this.#comparisons;
        this.#compared = undefined;
      }
      this.#wake?.();
    };
    return {
      ...stream,
      async *read(options) {
        for await (const batch of stream.read(options)) {
          begun(batch);
          yield batch;
          done(batch);
        }
      },
    };
  }

  #note(event: WatchEvent): void {
    if (event.event === "reconnecting") this.fates.reconnects += 1;
    if (event.event === "reset") this.fates.resets += 1;
    if (event.event === "checked") {
      const { check } = event;
      this.#compared = check === "names" || check === "groups" ? check : undefined;
    }
  }

  #untilNamesAreDue(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      // Who asks while nobody sleeps, after a connection has ended, is heard by the next.
      const due = () => {
        this.#namesDue = undefined;
        this.#comparingNames = false;
        resolve();
      };
      const abort = () => {
        if (this.#namesDue === due) this.#namesDue = undefined;
        reject(signal.reason);
      };
      this.#namesDue = due;
      if (this.#comparingNames) due();
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
