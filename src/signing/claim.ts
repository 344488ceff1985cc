import { createSecretKey, randomBytes, timingSafeEqual } from "node:crypto";
import type { CallOptions, Nonce, NonceRepository } from "../repositories/index.js";
import type { SigningKey } from "./key.js";
import type { KeySource } from "./key-ring.js";
import {
  type BoundedWindow,
  boundedWindow,
  type MessageTimes,
  staleFrom,
  type TimeWindow,
  untimely,
} from "./time-window.js";
import { type Refused, refused, type SignatureRefusal, type Verified } from "./verification.js";

/** What every verifier is made with. */
export interface VerifierOptions {
  /** The keys by which messages may be signed. */
  readonly keys: KeySource;
  /** How far the time of a message may be from now. */
  readonly window?: TimeWindow | undefined;
  /** The clock. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/** What a message says of itself, and the signature that is to prove it. */
export interface Claim {
  readonly keyId: string;
  /** The signature as the message has it. */
  readonly signature: string;
  /** The signature that the key makes, in the only encoding that is accepted. */
  sign(key: SigningKey): string;
  /** Absent where the profile has no times. */
  readonly times?: MessageTimes;
  /** By what the message is known when it comes again. Default: its signature. */
  readonly nonce?: string;
}

/** A claim that is true, with the key that proves it. */
export type Proven = Pick<Verified, "verified" | "key">;

/**
 * Judges the claims of one profile. The order of its steps is what keeps stores and clocks out of reach of strangers.
 */
export class ClaimVerifier {
  readonly #profile: string;
  readonly #keys: KeySource;
  readonly #window: BoundedWindow;
  readonly #now: () => Date;
  readonly #nonces: NonceRepository | undefined;
  #madeDecoy: readonly SigningKey[] | undefined;

  constructor(profile: string, options: VerifierOptions, nonces?: NonceRepository) {
    this.#profile = profile;
    this.#keys = options.keys;
    this.#window = boundedWindow(options.window);
    this.#now = options.now ?? (() => new Date());
    this.#nonces = nonces;
  }

  /**
   * Stands for a key that is not known, so that it takes no less time to be refused. Some runtimes have no randomness
   * while a module is loaded.
   */
  get #decoy(): readonly SigningKey[] {
    this.#madeDecoy ??= [{ id: "", secret: createSecretKey(randomBytes(32)) }];
    return this.#madeDecoy;
  }

  /** The time, in seconds since 1970. */
  now(): number {
    return this.#now().getTime() / 1_000;
  }

  /** @throws the signal's reason, and nothing else. */
  async verify(claim: Claim, options: CallOptions = {}): Promise<Proven | Refused> {
    const judged = await this.#judge(claim, options);
    return judged.verified ? judged : { ...judged, keyId: claim.keyId };
  }

  async #judge(claim: Claim, options: CallOptions): Promise<Proven | Refused> {
    try {
      const found = this.#keys.find(claim.keyId, options);
      const proven = this.#prove(claim, "then" in found ? await found : found);
      const { times } = claim;
      if (!proven.verified || times === undefined || this.#nonces === undefined) return proven;
      const isFirst = await this.#nonces.take(this.#nonceOf(claim, times), options);
      // A store that returns anything else has not said that it is the first.
      return isFirst === true ? proven : refused({ code: "replayed" });
    } catch (cause) {
      options.signal?.throwIfAborted();
      return refused({ code: "unavailable", cause });
    }
  }

  /** Whether one of the keys made the signature, and made it within the time in which it counts. */
  #prove(claim: Claim, known: readonly SigningKey[]): Proven | Refused {
    const signers: SigningKey[] = [];
    // All of them are tried, so that the time reveals nothing.
    for (const key of known.length > 0 ? known : (this.#keys.decoy?.() ?? this.#decoy)) {
      if (areEqual(claim.sign(key), claim.signature)) signers.push(key);
    }
    if (known.length === 0) return refused({ code: "unknown_key" });
    const [first] = signers;
    if (first === undefined) return refused({ code: "wrong_signature" });

    const { times } = claim;
    const now = this.now();
    const refusal = times === undefined ? undefined : untimely(times, now, this.#window);
    if (refusal !== undefined) return refused(refusal);
    const signed = {
      earliest: times?.created ?? now - this.#window.past,
      latest: times?.created ?? now + this.#window.future,
    };
    // Two keys with one id may have one secret, when a key is given another time to end.
    const key = signers.find((one) => untrusted(one, signed) === undefined) ?? first;
    const distrust = untrusted(key, signed);
    return distrust === undefined ? { verified: true, key } : refused(distrust);
  }

  #nonceOf({ keyId, nonce, signature }: Claim, times: MessageTimes): Nonce {
    return {
      scope: `${this.#profile} ${keyId}`,
      value: nonce ?? signature,
      expiresAt: new Date(staleFrom(times, this.#window) * 1_000),
    };
  }
}

/** Within which times a message was signed, in seconds since 1970. They are one where the message says it. */
interface SignedWithin {
  readonly earliest: number;
  readonly latest: number;
}

/** Why a signature that is the key's does not count, since the key was not alive when it was made. */
function untrusted(
  { notBefore, notAfter }: SigningKey,
  { earliest, latest }: SignedWithin,
): SignatureRefusal | undefined {
  if (notBefore !== undefined) {
    // Times on the wire are whole seconds: a message of the second in which the key began has an earlier one.
    const early = Math.floor(notBefore.getTime() / 1_000) - latest;
    if (early > 0) return { code: "key_not_yet_valid", seconds: Math.ceil(early) };
  }
  if (notAfter !== undefined) {
    const late = earliest - notAfter.getTime() / 1_000;
    if (late >= 0) return { code: "key_expired", seconds: Math.ceil(late) };
  }
  return undefined;
}

/** Compares two signatures in a time that does not reveal where they differ. */
export function areEqual(expected: string, given: string): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given)];
  // How long a signature is, is no secret.
  return one.length === other.length && timingSafeEqual(one, other);
}
