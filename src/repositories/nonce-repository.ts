import type { CallOptions } from "./resource-repository.js";

/** A value that may be used once. */
export interface Nonce {
  /** Within what the value is unique, such as the profile and the key of a signature. */
  readonly scope: string;
  /** The value itself; compared exactly. */
  readonly value: string;
  /** Until when the store must remember it. Later it may forget it, and the value may be used again. */
  readonly expiresAt: Date;
}

/**
 * A store of the nonces that were used, by which a message is known that was seen before.
 *
 * An instance belongs to one tenant. Several processes that verify the same messages must share one store.
 */
export abstract class NonceRepository {
  /**
   * Stores a nonce, as one step, unless it is there and has not expired: of any number of concurrent calls with one
   * nonce exactly one gets `true`.
   *
   * A store that does not know for certain throws; the verifier then refuses the message. A store that is full throws
   * too: it never forgets a nonce that has not expired.
   *
   * @returns whether it was stored now, so that this is its first use.
   * @throws {TooManyError} the store is full.
   * @throws {UnavailableError} the store is unavailable.
   */
  abstract take(nonce: Nonce, options?: CallOptions): Promise<boolean>;

  /**
   * Forgets the nonces that have expired. A host calls it from time to time where the store does not do so by itself.
   *
   * @returns how many were forgotten.
   */
  abstract purge(options?: CallOptions): Promise<number>;
}
