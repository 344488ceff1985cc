import type { Expiry } from "../profile/expiry.js";
import type { EncodedMessage, LdapSearchRequest } from "../wire/message.js";
import type { Reading } from "./reading.js";

/** What reads entries again for {@link Expiries}. */
export interface Rereading {
  /** Plans to read entries of the content again, and to hand over what they are now. */
  readAgain(ids: readonly string[]): void;
  /** Whether some that were planned have not been handed over yet. */
  readonly isReadingAgain: boolean;
  /** Has {@link Expiries.look} called soon. */
  wake(): void;
  /** Searches the content, where that takes more than one search. */
  search?(request: LdapSearchRequest): AsyncIterable<readonly EncodedMessage[]>;
}

/**
 * Has entries read again at the moments that they state.
 *
 * What is known is kept in the checkpoint as one moment: whatever expired up to it has been handed over. From there,
 * each connection searches for what has expired since and what will before the next search; what comes to expire
 * earlier by a change is seen when that is mapped. So neither a restart nor a long absence misses one.
 *
 * A reader calls {@link look} when its refresh has ended and whenever it is woken, puts {@link handedUntil} into each
 * batch that has a position, and calls {@link stop} in the end.
 */
export class Expiries {
  readonly #reading: Reading;
  readonly #rereading: Rereading;
  readonly #expiries: readonly Expiry[];
  readonly #stop = new AbortController();
  /** When those expire that are to be read again before the next search. */
  readonly #moments = new Map<string, number>();
  /** Whatever expired before this was handed over. */
  #from: number;
  /** Whatever expires up to this is in {@link #moments}. */
  #to: number;
  /** What expired up to this was taken for expired: later than now where the clock was set back. */
  readonly #ahead: number;
  /** The earliest moment of the entries that are being read again. */
  #reread: number | undefined;
  #timer: AbortController | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #isTime = false;

  constructor(reading: Reading, rereading: Rereading) {
    this.#reading = reading;
    this.#rereading = rereading;
    this.#expiries = reading.mapper.expiries;
    const now = reading.now();
    this.#ahead = reading.expiredUntil ?? now;
    this.#from = Math.min(this.#ahead, now);
    this.#to = this.#from;
    if (this.#expiries.length > 0) {
      reading.mapper.onExpiry = (sourceId, moment) => this.#note(sourceId, moment);
    }
  }

  /** Up to when everything that expired has been handed over; undefined where nothing expires. */
  get handedUntil(): number | undefined {
    if (this.#expiries.length === 0) return undefined;
    if (this.#reread !== undefined && !this.#rereading.isReadingAgain) this.#reread = undefined;
    let until = Math.min(this.#reading.now(), this.#to);
    if (this.#reread !== undefined) until = Math.min(until, this.#reread - 1);
    for (const moment of this.#moments.values()) until = Math.min(until, moment - 1);
    this.#from = Math.max(this.#from, until);
    return this.#from;
  }

  /** Everything is read anew, as it is from now on. */
  restart(): void {
    this.#from = this.#reading.now();
    this.#to = this.#from;
    this.#reread = undefined;
    this.#isTime = true;
  }

  /** Searches for what has expired, and for what will, where it is time to. */
  async look(): Promise<void> {
    if (this.#expiries.length === 0) return;
    const now = this.#reading.now();
    if (!this.#isTime && this.#armedFor !== Number.POSITIVE_INFINITY) return;
    this.#isTime = false;
    if (now >= this.#to) await this.#search(now + this.#reading.expiriesEvery);
    this.#readExpired();
    this.#arm();
  }

  stop(): void {
    this.#stop.abort();
    this.#reading.mapper.onExpiry = undefined;
  }

  async #search(to: number): Promise<void> {
    const { connection, content, signal, mapper } = this.#reading;
    const { base, scope, controls } = content;
    const from = this.handedUntil ?? this.#from;
    const { id } = mapper.identification;
    const now = this.#reading.now();
    const early: string[] = [];
    for (const { attribute, read, filter } of this.#expiries) {
      const within = filter?.(from, to) ?? `(${attribute}=*)`;
      const request = {
        base,
        scope,
        filter: `(&${content.filter}${within})`,
        attributes: ["objectClass", id, attribute],
        controls,
      };
      const found =
        this.#rereading.search?.(request) ??
        connection.searchEncoded(request, { signal, isAwaited: true });
      for await (const messages of found) {
        for (const message of messages) {
          if (message.kind !== "entry") continue;
          const expiring = mapper.readExpiry(message, attribute, read);
          if (expiring !== undefined && expiring.moment > from && expiring.moment <= to) {
            const { sourceId, moment } = expiring;
            this.#moments.set(sourceId, Math.min(moment, this.#momentOf(sourceId)));
            if (moment > now && moment <= this.#ahead) early.push(sourceId);
          }
          connection.reuse(message);
        }
      }
    }
    this.#to = to;
    if (early.length > 0) this.#rereading.readAgain(early);
  }

  #momentOf(sourceId: string): number {
    return this.#moments.get(sourceId) ?? Number.POSITIVE_INFINITY;
  }

  /** An entry was mapped that expires: what is later than the next search, that will find. */
  #note(sourceId: string, moment: number): void {
    if (moment <= this.#reading.now() || moment > this.#to) return;
    this.#moments.set(sourceId, Math.min(moment, this.#momentOf(sourceId)));
    if (moment < this.#armedFor && this.#timer !== undefined) this.#arm();
  }

  #readExpired(): void {
    const now = this.#reading.now();
    const expired: string[] = [];
    for (const [sourceId, moment] of this.#moments) {
      if (moment > now) continue;
      expired.push(sourceId);
      this.#moments.delete(sourceId);
      this.#reread = Math.min(moment, this.#reread ?? moment);
    }
    if (expired.length > 0) this.#rereading.readAgain(expired);
  }

  /** Wakes the reader at the next moment, or for the next search. */
  #arm(): void {
    const { follow, now, sleep } = this.#reading;
    if (!follow) return;
    this.#timer?.abort();
    const timer = new AbortController();
    this.#timer = timer;
    this.#armedFor = this.#to;
    for (const moment of this.#moments.values()) this.#armedFor = Math.min(moment, this.#armedFor);
    const signal = AbortSignal.any([timer.signal, this.#stop.signal]);
    sleep(Math.max(1, this.#armedFor - now()), signal).then(
      () => {
        this.#isTime = true;
        this.#rereading.wake();
      },
      () => {
        // Another moment is earlier, or the connection has ended.
      },
    );
  }
}
