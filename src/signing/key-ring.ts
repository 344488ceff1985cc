import { InvalidValueError } from "../core/index.js";
import type { CallOptions } from "../repositories/index.js";
import type { SigningKey } from "./key.js";

/** Where a verifier finds the keys by which a message may be signed. */
export interface KeySource {
  /**
   * The keys with this id; none, where the id is unknown. There may be several while one secret replaces another under
   * the same id.
   */
  find(
    id: string,
    options?: CallOptions,
  ): readonly SigningKey[] | PromiseLike<readonly SigningKey[]>;
  /**
   * Keys that no one holds, made as `find` makes its own. A signature is computed with them for an id that is not
   * known, so that the time does not reveal which are. A source that makes keys anew for each message has this.
   * Default: one key for all messages.
   */
  decoy?(): readonly SigningKey[];
}

const noKeys: readonly SigningKey[] = [];

/** The most keys with one id, since a message that names the id is tried with each of them. */
const keysPerId = 4;

/**
 * Keys in memory, of which several may be alive at once.
 *
 * To replace a key without a moment in which good messages are refused: add the new one at every verifier, and then at
 * every signer, with a `notBefore` by which all of them have it, and give the old one a `notAfter` at that time or
 * later. Signers go over by themselves. Remove the old key once the last message that it signed is too old to pass.
 */
export class KeyRing implements KeySource {
  readonly #keys = new Map<string, readonly SigningKey[]>();

  constructor(keys: Iterable<SigningKey> = []) {
    for (const key of keys) this.add(key);
  }

  /**
   * Adds a key, beside those that have the same id.
   *
   * @throws {InvalidValueError} four keys have this id already.
   */
  add(key: SigningKey): void {
    const known = this.find(key.id);
    if (known.includes(key)) return;
    if (known.length >= keysPerId) {
      throw new InvalidValueError("id", `${keysPerId} keys have it already.`);
    }
    this.#keys.set(key.id, [...known, key]);
  }

  /** Removes a key; one that is not there is ignored. */
  remove(key: SigningKey): void {
    const left = this.find(key.id).filter((one) => one !== key);
    if (left.length === 0) this.#keys.delete(key.id);
    else this.#keys.set(key.id, left);
  }

  /** The keys with this id, whether they are alive or not; none, where the id is unknown. */
  find(id: string): readonly SigningKey[] {
    return this.#keys.get(id) ?? noKeys;
  }

  /**
   * The key to sign with: of those that are alive, the one that began last; of several such, the one that was added
   * last.
   */
  current(at: Date): SigningKey | undefined {
    let current: SigningKey | undefined;
    for (const keys of this.#keys.values()) {
      for (const key of keys) {
        if (isAlive(key, at) && beginning(key) >= beginning(current)) current = key;
      }
    }
    return current;
  }
}

/** Whether messages are signed with the key at this time. */
function isAlive({ notBefore, notAfter }: SigningKey, at: Date): boolean {
  return (notBefore === undefined || notBefore <= at) && (notAfter === undefined || at < notAfter);
}

function beginning(key: SigningKey | undefined): number {
  return key?.notBefore?.getTime() ?? Number.NEGATIVE_INFINITY;
}

/**
 * The key to sign with: the one that is given, or the ring's current one.
 *
 * @throws {InvalidValueError} there is none.
 */
export function signingKey(
  key: SigningKey | undefined,
  ring: KeyRing | undefined,
  at: Date,
): SigningKey {
  const found = key ?? ring?.current(at);
  if (found === undefined) {
    throw new InvalidValueError("keys", "there is no key that messages are signed with now.");
  }
  return found;
}
