import { createSecretKey, type KeyObject } from "node:crypto";
import { InvalidValueError } from "../core/index.js";

/** A shared secret by which messages are signed, with its name on the wire. Made by {@link createKey}. */
export interface SigningKey {
  /** What names the key on the wire: `keyid` of RFC 9421, the public key of a simple-sso consumer. */
  readonly id: string;
  /** The secret. It is never a `Buffer`: an HMAC with one costs several times as much as one with a `KeyObject`. */
  readonly secret: KeyObject;
  /** From when messages are signed with the key. Absent: from ever. */
  readonly notBefore?: Date;
  /** Until when messages are signed with the key, this instant excluded. Absent: for ever. */
  readonly notAfter?: Date;
}

/** What {@link createKey} takes. */
export interface NewSigningKey {
  /**
   * The name by which messages say which key they are signed with: `keyid` of RFC 9421, the public key of a consumer.
   */
  readonly id: string;
  /** Text stands for its bytes in UTF-8. */
  readonly secret: string | Uint8Array | KeyObject;
  /** What is signed before this moment is refused. Default: no bound. */
  readonly notBefore?: Date;
  /** What is signed after this moment is refused. Default: no bound. */
  readonly notAfter?: Date;
  /** Accept a secret of less than 32 bytes, which may be found by trying. For peers whose secrets cannot be changed. */
  readonly allowShortSecret?: boolean;
}

/** RFC 2104 §3: a key of less than the length of the hash weakens the code. */
const leastBytes = 32;

/**
 * Makes a key of a secret that two sites share.
 *
 * @throws {InvalidValueError} the id or the secret is empty, or the secret is shorter than 32 bytes, or the key ends
 * before it begins.
 */
export function createKey(key: NewSigningKey): SigningKey {
  const { id, secret, notBefore, notAfter, allowShortSecret = false } = key;
  if (id === "") throw new InvalidValueError("id", "a key has a name.");
  const secretKey = toSecretKey(secret);
  const bytes = secretKey.symmetricKeySize ?? 0;
  if (bytes < (allowShortSecret ? 1 : leastBytes)) {
    throw new InvalidValueError(
      "secret",
      `it has ${bytes} bytes, and less than ${leastBytes} can be found by trying.`,
    );
  }
  if (notBefore !== undefined && notAfter !== undefined && notAfter <= notBefore) {
    throw new InvalidValueError("notAfter", "the key ends before it begins.");
  }
  return {
    id,
    secret: secretKey,
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  };
}

function toSecretKey(secret: string | Uint8Array | KeyObject): KeyObject {
  if (typeof secret === "string") return createSecretKey(secret, "utf8");
  if (secret instanceof Uint8Array) return createSecretKey(secret);
  if (secret.type === "secret") return secret;
  throw new InvalidValueError("secret", `it is a ${secret.type} key, not a secret one.`);
}
