import { ConcordatError } from "../core/index.js";
import type { SignatureRefusal } from "./verification.js";

/** A message is not what the holder of a key signed, or not now. Nothing of it is to be acted upon. */
export class SignatureError extends ConcordatError {
  override readonly name = "SignatureError";
  override readonly code = "signature";
  /** Why it is refused. Write it into a log, and say no more to the sender than `status`. */
  readonly refusal: SignatureRefusal;
  /** The status for the response to such a request: 401; or 503 where the store of keys or of nonces is unavailable. */
  readonly status: 401 | 503;
  /** The id of the key that the message names, where that could be read. Nothing proves that its holder sent it. */
  readonly keyId?: string;

  constructor(refusal: SignatureRefusal, keyId?: string) {
    super(messageOf(refusal), refusal.code === "unavailable" ? { cause: refusal.cause } : {});
    this.refusal = refusal;
    this.status = refusal.code === "unavailable" ? 503 : 401;
    if (keyId !== undefined) this.keyId = keyId;
  }
}

function messageOf(refusal: SignatureRefusal): string {
  let message = `The signature is refused: ${refusal.code}`;
  if ("seconds" in refusal) message += ` by ${refusal.seconds} s`;
  if ("tolerated" in refusal) message += ` (${refusal.tolerated} s are tolerated)`;
  if ("detail" in refusal) message += `. ${refusal.detail}`;
  return message.endsWith(".") ? message : `${message}.`;
}
