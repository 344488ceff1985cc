import type { Sweep } from "../../../changes/index.js";
import type { DueChecks } from "../checks.js";
import type { Wakeup } from "../message-buffer.js";
import type { Pass } from "../pass.js";
import { type CsnCookie, covers, isBeyond, mergeCookies, newestCsn } from "./cookie.js";
import type { ServerState } from "./server-state.js";

/** How long a position waits that comes with no changes, in milliseconds. */
const newsDelay = 10;

/** What the changes that were read cover, and which of it may be handed over as a position. */
export class Covered {
  readonly #due: DueChecks;
  readonly #wakeup: Wakeup;
  /** What the changes that were read cover, all of them together. */
  #cookie: CsnCookie | undefined;
  /** The position that was handed over last, or resumed from. */
  #handed: CsnCookie | undefined;
  /** What the refresh covered when it ended, before live changes: where the second pass starts. */
  #refreshed: CsnCookie | undefined;
  /** The numbers of `#refreshed` that no second pass has got beyond. What is covered beyond them may have been missed. */
  #unproven: readonly string[] = [];
  /** What was known from another server of the directory, while this one has yet to receive it. */
  #ahead: CsnCookie | undefined;
  /** What the server itself holds; undefined where it has not said so. */
  #server: ServerState | undefined;
  /** Runs while a position waits that comes with no changes. */
  #newsTimer: NodeJS.Timeout | undefined;
  #isNewsTime = false;

  /** @param due gets the checks that are necessary before a position may be handed over. */
  constructor(
    resumedFrom: CsnCookie | undefined,
    server: ServerState | undefined,
    due: DueChecks,
    wakeup: Wakeup,
  ) {
    this.#cookie = resumedFrom;
    this.#handed = resumedFrom;
    this.#ahead = server?.lagsBehind(resumedFrom) === true ? resumedFrom : undefined;
    this.#server = server;
    this.#due = due;
    this.#wakeup = wakeup;
  }

  /** The server says only now what it holds. */
  learn(server: ServerState): void {
    this.#server = server;
    this.#ahead = server.lagsBehind(this.#cookie) ? this.#cookie : undefined;
  }

  /** Where the second pass starts. */
  get refreshed(): CsnCookie | undefined {
    return this.#refreshed;
  }

  /** Whether the server has yet to receive what was known before. */
  get isAhead(): boolean {
    return this.#ahead !== undefined;
  }

  /** What the server itself says that it holds. */
  get state(): readonly string[] | undefined {
    return this.#server?.stamps;
  }

  get isNothing(): boolean {
    return this.#cookie === undefined;
  }

  includes(stamp: string): boolean {
    return this.#cookie !== undefined && covers(this.#cookie, stamp);
  }

  /** @param held what of it the server has said that it holds. */
  advance(covered: CsnCookie, held: CsnCookie | undefined = covered): void {
    this.#cookie = mergeCookies(this.#cookie, covered);
    if (held !== undefined) this.#server?.advance(held);
    if (this.#ahead !== undefined && this.#server?.lagsBehind(this.#ahead) === false) {
      // What it did not hold could not be compared before.
      this.#ahead = undefined;
      this.#due.add({ kind: "names", gates: false });
    }
    this.checkWhatIsUnproven();
  }

  /** Whatever was not mentioned went before what is covered by now. */
  sweep(): Sweep {
    if (this.#cookie === undefined) return { kind: "sweep" };
    return { kind: "sweep", stamp: newestCsn(this.#cookie) };
  }

  /** The refresh has ended, and live changes come from now on. */
  endRefresh(): void {
    this.#refreshed = this.#cookie;
  }

  /** The refresh was a resumed one: what is beyond it is to be proved. A list of all that exists has missed nothing. */
  demandProof(hasListedAll: boolean): void {
    this.#unproven = hasListedAll ? [] : (this.#refreshed?.csns ?? []);
  }

  /** A second pass has ended: beyond the numbers that it got beyond itself, nothing was missed. */
  prove({ sweeps, cookie }: Pass): void {
    this.#unproven = sweeps ? [] : this.#unproven.filter((csn) => !isBeyond(cookie, csn));
  }

  /** Has a second pass made where the state has moved beyond a number that none has got beyond. */
  checkWhatIsUnproven(): void {
    if (this.#due.includes("secondPass")) return;
    if (!this.#unproven.some((csn) => isBeyond(this.#cookie, csn))) return;
    this.#due.add({ kind: "secondPass", gates: true });
  }

  /**
   * Whether a position is to be handed over that comes with no changes. It waits for a moment, since changes may come, or more such
   * positions: each is a commit to whoever applies them.
   */
  get isNewsDue(): boolean {
    if (this.#news === undefined) return false;
    if (this.#isNewsTime) return true;
    this.#newsTimer ??= setTimeout(() => {
      this.#isNewsTime = true;
      this.#wakeup.wake();
    }, newsDelay);
    return false;
  }

  /**
   * The position to hand over now.
   *
   * @param inAnyCase also where it says no more than the one before.
   */
  hand(inAnyCase: boolean): CsnCookie | undefined {
    const news = this.#news;
    if (news !== undefined) this.stop();
    this.#handed = news ?? this.#handed;
    return inAnyCase ? this.#handed : news;
  }

  /** Nothing waits any more. */
  stop(): void {
    clearTimeout(this.#newsTimer);
    this.#newsTimer = undefined;
    this.#isNewsTime = false;
  }

  /** The position that can be handed over, where it says more than the one before. */
  get #news(): CsnCookie | undefined {
    if (this.#cookie === undefined || this.#due.areGating) return undefined;
    const { csns = [] } = this.#handed ?? {};
    return this.#cookie.csns.every((csn) => csns.includes(csn)) ? undefined : this.#cookie;
  }
}
