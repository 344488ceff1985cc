import { createHmac, randomBytes } from "node:crypto";

/** A one-time password of six digits (RFC 4226 §5.3). */
export function oneTimePassword(secret: Uint8Array, counter: number): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const digest = createHmac("sha1", secret).update(message).digest();
  const number = digest.readUInt32BE((digest[19] ?? 0) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** What a user has in the pocket: a token that shows another password each time. */
export class Token {
  readonly serial: string;
  readonly secret: Uint8Array = randomBytes(20);
  #counter = 0;

  constructor(serial: string) {
    this.serial = serial;
  }

  /** The next password. */
  press(): string {
    const password = oneTimePassword(this.secret, this.#counter);
    this.#counter += 1;
    return password;
  }
}
