import { createHash, createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { InvalidValueError } from "../../core/index.js";
import type { CallOptions, NonceRepository } from "../../repositories/index.js";
import { type Claim, ClaimVerifier, type Proven, type VerifierOptions } from "../claim.js";
import type { SigningKey } from "../key.js";
import { type KeyRing, signingKey } from "../key-ring.js";
import type { MessageTimes } from "../time-window.js";
import { malformed, type Refused, type Verification, type Verified } from "../verification.js";
import {
  type Epoch,
  packUrlSafe,
  parseStamp,
  parseTimedText,
  printStamp,
  readText,
  unpackUrlSafe,
} from "./timed-serializer.js";

/** What itsdangerous mixes into its keys, so that one secret signs for several purposes. */
const defaultSalt = "itsdangerous";

/** Options of the signer of `simple-sso`. */
export interface SimpleSsoSignerOptions {
  /** The signature of django-simple-sso as it is deployed, by itsdangerous. */
  readonly profile: "simple-sso";
  /** The keys to sign with where none is given. */
  readonly keys?: KeyRing | undefined;
  /**
   * From when the stamps count. Default: `2011`, as in what django-simple-sso pins. A server that pins it takes a stamp
   * of `unix` too, but as one from the future that never grows old.
   */
  readonly epoch?: Epoch | undefined;
  /** The salt of the serializer. Default: `itsdangerous`. */
  readonly salt?: string | undefined;
  /** The clock. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/** Options of the verifier of `simple-sso`. */
export interface SimpleSsoVerifierOptions extends VerifierOptions {
  /** The signature of django-simple-sso as it is deployed, by itsdangerous. */
  readonly profile: "simple-sso";
  /** From when the stamps count; `auto` takes the epoch in which a stamp is nearest to now. Default: `auto`. */
  readonly epoch?: Epoch | "auto" | undefined;
  /** The salt of the serializer. Default: `itsdangerous`. */
  readonly salt?: string | undefined;
  /**
   * Where messages are remembered, so that each passes once. Only for messages that are different each time, such as
   * those with a token: requests for the same page in the same second are the same message.
   */
  readonly nonces?: NonceRepository | undefined;
  /** How many bytes a message may have, compressed and not. Default: 65,536. */
  readonly maxBodyBytes?: number | undefined;
}

/** A text that is verified. */
export interface VerifiedText extends Verified {
  /** The payload as it was received: the text of a JSON document, which is not yet parsed. */
  readonly payload: string;
  readonly created: Date;
}

/**
 * The keys of itsdangerous (`key_derivation="django-concat"`), each derived once.
 *
 * SHA-1 is what the peers have; in an HMAC it is not known to be broken (RFC 6194 §3.3).
 */
class DerivedKeys {
  readonly #salt: string;
  readonly #derived = new WeakMap<KeyObject, KeyObject>();

  constructor(salt: string = defaultSalt) {
    this.#salt = salt;
  }

  sign({ secret }: SigningKey, text: string): string {
    let key = this.#derived.get(secret);
    if (key === undefined) {
      const hash = createHash("sha1").update(`${this.#salt}signer`).update(secret.export());
      key = createSecretKey(hash.digest());
      this.#derived.set(secret, key);
    }
    return createHmac("sha1", key).update(text).digest("base64url");
  }
}

/** Signs texts as the serializers of itsdangerous do. */
export class SimpleSsoSigner {
  readonly #options: SimpleSsoSignerOptions;
  readonly #derived: DerivedKeys;
  readonly #now: () => Date;

  constructor(options: SimpleSsoSignerOptions) {
    this.#options = options;
    this.#derived = new DerivedKeys(options.salt);
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Signs a body as `TimedSerializer` does.
   *
   * @param payload The text of a JSON document.
   * @param key What to sign with. Default: the current key of the ring.
   * @throws {InvalidValueError} the payload holds half a surrogate pair, there is no key, or the clock is before the
   * epoch.
   */
  sign(payload: string, key?: SigningKey): string {
    return this.#sign(wellFormed(payload), key);
  }

  /** Signs a text for a URL as `URLSafeTimedSerializer` does. */
  signUrlSafe(payload: string, key?: SigningKey): string {
    return this.#sign(packUrlSafe(wellFormed(payload)), key);
  }

  #sign(payload: string, key?: SigningKey): string {
    const now = this.#now();
    const signer = signingKey(key, this.#options.keys, now);
    const stamp = printStamp(now.getTime() / 1_000, this.#options.epoch ?? "2011");
    const signed = `${payload}.${stamp}`;
    return `${signed}.${this.#derived.sign(signer, signed)}`;
  }
}

function wellFormed(payload: string): string {
  if (payload.isWellFormed()) return payload;
  throw new InvalidValueError("payload", "it holds half a surrogate pair.");
}

/** Verifies texts that the serializers of itsdangerous signed. */
export class SimpleSsoVerifier {
  readonly #claims: ClaimVerifier;
  readonly #derived: DerivedKeys;
  readonly #epochs: readonly Epoch[];
  readonly #maxBodyBytes: number;

  constructor(options: SimpleSsoVerifierOptions) {
    const { epoch = "auto", salt, maxBodyBytes = 65_536, nonces } = options;
    this.#claims = new ClaimVerifier(options.profile, options, nonces);
    this.#derived = new DerivedKeys(salt);
    this.#epochs = epoch === "auto" ? ["2011", "unix"] : [epoch];
    this.#maxBodyBytes = maxBodyBytes;
  }

  /**
   * Verifies a body that `TimedSerializer` signed.
   *
   * @param message The body as it was received, never one that was parsed and written again.
   * @param keyId The id of the key: what a request says beside its body, or what the request was signed with that is
   * answered.
   */
  async verify(
    message: Uint8Array | string,
    keyId: string,
    options?: CallOptions,
  ): Promise<Verification<VerifiedText>> {
    const claim = this.#claimOf(message, keyId);
    if ("refusal" in claim) return claim;
    const verification = await this.#claims.verify(claim, options);
    return verification.verified ? withPayload(verification, claim, claim.payload) : verification;
  }

  /** Verifies a text that `URLSafeTimedSerializer` signed for a URL, compressed or not. */
  async verifyUrlSafe(
    message: Uint8Array | string,
    keyId: string,
    options?: CallOptions,
  ): Promise<Verification<VerifiedText>> {
    const claim = this.#claimOf(message, keyId);
    if ("refusal" in claim) return claim;
    const verification = await this.#claims.verify(claim, options);
    if (!verification.verified) return verification;
    const payload = unpackUrlSafe(claim.payload, this.#maxBodyBytes);
    return payload === undefined
      ? malformed("Its payload is not what the serializer writes, or is too long.")
      : withPayload(verification, claim, payload);
  }

  /** What a message says of itself. */
  #claimOf(message: Uint8Array | string, keyId: string): TextClaim | Refused {
    // A character of text has at least one byte.
    if (message.length > this.#maxBodyBytes) return malformed("It is too long.");
    const text = typeof message === "string" ? message : readText(message);
    if (text?.isWellFormed() !== true) return malformed("It is not a text in UTF-8.");
    const timed = parseTimedText(text);
    if (timed === undefined) return malformed("It has no stamp or no signature.");
    const { signed, payload, stamp, signature } = timed;
    const created = parseStamp(stamp, this.#epochs, this.#claims.now());
    if (created === undefined) return malformed("Its stamp is no time.");
    const sign = (key: SigningKey): string => this.#derived.sign(key, signed);
    return { keyId, signature, sign, times: { created }, payload };
  }
}

/** A claim with the payload as it was received. */
interface TextClaim extends Claim {
  readonly times: MessageTimes;
  readonly payload: string;
}

function withPayload({ key }: Proven, { times }: TextClaim, payload: string): VerifiedText {
  return { verified: true, key, payload, created: new Date(times.created * 1_000) };
}
