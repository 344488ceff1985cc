import { TooManyError } from "../../core/index.js";
import { type Nonce, NonceRepository } from "../nonce-repository.js";
import type { CallOptions } from "../resource-repository.js";

/** Options of {@link InMemoryNonceRepository}. */
export interface InMemoryNonceOptions {
  /** How many nonces are kept at most. Default: 1,000,000, which take about 180 MB. */
  readonly limit?: number | undefined;
  /** The clock by which nonces expire. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/**
 * Nonces in memory, for a verifier that has one process: a restart forgets them, so that a message that was seen just
 * before it passes once more.
 *
 * What has expired is forgotten by itself, once a second at most.
 */
export class InMemoryNonceRepository extends NonceRepository {
  readonly #limit: number;
  readonly #now: () => Date;
  /** When each nonce expires, in milliseconds, by its scope and value. */
  readonly #expiries = new Map<string, number>();
  /**
   * The nonces by the second in which they expire, so that those which have expired are found without reading the
   * others.
   */
  readonly #keysBySecond = new Map<number, string[]>();
  #purgedIn = Number.NEGATIVE_INFINITY;

  constructor({ limit = 1_000_000, now = () => new Date() }: InMemoryNonceOptions = {}) {
    super();
    this.#limit = limit;
    this.#now = now;
  }

  override async take(nonce: Nonce, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    const now = this.#now().getTime();
    this.#purgeOnceASecond(now);
    const key = keyOf(nonce);
    const known = this.#expiries.get(key);
    if (known !== undefined && known > now) return false;
    if (known === undefined && this.#expiries.size >= this.#limit) {
      throw new TooManyError(
        `The store has ${this.#limit} nonces that have not expired, and takes no more.`,
        this.#limit,
      );
    }
    const expiresAt = nonce.expiresAt.getTime();
    this.#expiries.set(key, expiresAt);
    const second = Math.floor(expiresAt / 1_000);
    const keys = this.#keysBySecond.get(second);
    if (keys === undefined) this.#keysBySecond.set(second, [key]);
    else keys.push(key);
    return true;
  }

  override async purge(options?: CallOptions): Promise<number> {
    options?.signal?.throwIfAborted();
    return this.#purge(this.#now().getTime());
  }

  #purgeOnceASecond(now: number): void {
    const second = Math.floor(now / 1_000);
    if (second === this.#purgedIn) return;
    this.#purgedIn = second;
    this.#purge(now);
  }

  #purge(now: number): number {
    const before = this.#expiries.size;
    for (const [second, keys] of this.#keysBySecond) {
      if ((second + 1) * 1_000 > now) continue;
      this.#keysBySecond.delete(second);
      for (const key of keys) {
        // A nonce that was used again after it had expired has another time now.
        if ((this.#expiries.get(key) ?? now) < now) this.#expiries.delete(key);
      }
    }
    return before - this.#expiries.size;
  }
}

/** Scope and value as one key; the length says where the scope ends. */
function keyOf({ scope, value }: Nonce): string {
  return `${scope.length}:${scope}${value}`;
}
