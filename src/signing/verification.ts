import type { SigningKey } from "./key.js";

/** What a verifier says of a message. */
export type Verification<V extends Verified = Verified> = V | Refused;

/** The message is what the holder of the key signed. */
export interface Verified {
  readonly verified: true;
  /** The key that it is signed with. A response is signed with the same one. */
  readonly key: SigningKey;
  /** When it was signed, where the profile says so. */
  readonly created?: Date;
}

/** The message is not to be acted upon. */
export interface Refused {
  readonly verified: false;
  /** Why. */
  readonly refusal: SignatureRefusal;
  /** The id of the key that the message names, where that could be read. Nothing proves that its holder sent it. */
  readonly keyId?: string;
}

/**
 * Why a message is refused. No reason reveals what the signature should have been.
 *
 * Only those from `stale` on are said of messages whose signature is right; the others may come from any sender.
 */
export type SignatureRefusal =
  /** It is not a message of the profile, or not in the one encoding that the profile has. */
  | { readonly code: "malformed"; readonly detail: string }
  /** No key has the id that the message names. */
  | { readonly code: "unknown_key" }
  /** No key with that id made this signature of this message. */
  | { readonly code: "wrong_signature" }
  /** The content is not that of which the message has the digest (RFC 9530). */
  | { readonly code: "wrong_digest" }
  /** The request is for another host (RFC 9421 §2.2.3). */
  | { readonly code: "wrong_authority" }
  /** It was signed too long ago: so many seconds, of which so many are tolerated. */
  | { readonly code: "stale"; readonly seconds: number; readonly tolerated: number }
  /**
   * It was signed in the future: so many seconds from now, of which so many are tolerated. One of the clocks is wrong.
   */
  | { readonly code: "skewed"; readonly seconds: number; readonly tolerated: number }
  /** It was signed so many seconds before the key began. */
  | { readonly code: "key_not_yet_valid"; readonly seconds: number }
  /** It was signed so many seconds after the key had ended. */
  | { readonly code: "key_expired"; readonly seconds: number }
  /** It was seen before. */
  | { readonly code: "replayed" }
  /** The store of keys or of nonces was unavailable, so that it is not known. */
  | { readonly code: "unavailable"; readonly cause: unknown };

/** A refusal as the verifier's result. */
export function refused(refusal: SignatureRefusal): Refused {
  return { verified: false, refusal };
}

/** A refusal of what is no message of the profile. */
export function malformed(detail: string): Refused {
  return refused({ code: "malformed", detail });
}
