import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { InvalidValueError } from "../../core/index.js";
import { ScimRequestError } from "../request/error.js";

/** How cursors are made. RFC 9865. */
export interface CursorOptions {
  /**
   * The secret by which cursors are encrypted, of 32 bytes or more. Several processes of one service
   * provider need the same. Default: a random one, so that no cursor outlives the process.
   */
  readonly key?: Uint8Array | undefined;
  /** How long a cursor is good, in seconds: `cursorTimeout`. Default: 3,600. */
  readonly timeout?: number | undefined;
}

/** What a cursor belongs to: no other principal can use it, and for no other query. */
export interface CursorScope {
  readonly principal: string;
  /** The query but for its page: the same text for the same query. */
  readonly query: string;
}

/** What a cursor says to the service provider. */
interface CursorPosition {
  /** The store's own cursor. */
  readonly store: string;
  /** The page size of the query; a cursor is good for no other (RFC 9865 §2.1). */
  readonly count: number | undefined;
}

const algorithm = "aes-256-gcm";
const nonceLength = 12;
const tagLength = 16;

/**
 * Encrypts the cursors of stores, so that clients can neither read nor make them, nor use them for another query or on
 * behalf of another principal, nor after their time.
 */
export class Cursors {
  /** How long a cursor is good, in seconds. */
  readonly timeout: number;
  readonly #secret: Uint8Array | undefined;
  #made: Uint8Array | undefined;
  readonly #now: () => number;

  constructor({ key, timeout = 3_600 }: CursorOptions, now: () => number) {
    if (key !== undefined && key.length < 32) {
      throw new InvalidValueError("cursors.key", "it has 32 bytes or more.");
    }
    if (!Number.isSafeInteger(timeout) || timeout < 1) {
      throw new InvalidValueError("cursors.timeout", "it is a whole number of seconds from 1.");
    }
    this.timeout = timeout;
    this.#now = now;
    this.#secret = key;
  }

  /** Made with the first cursor: some runtimes have no randomness while a module is loaded. */
  get #key(): Uint8Array {
    this.#made ??= new Uint8Array(
      hkdfSync("sha256", this.#secret ?? randomBytes(32), "", "concordat scim cursor", 32),
    );
    return this.#made;
  }

  /** A cursor for a client, of the characters that RFC 9865 §2 allows. */
  encode({ store, count }: CursorPosition, scope: CursorScope): string {
    const nonce = randomBytes(nonceLength);
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(bound(scope));
    const expires = this.#now() + this.timeout * 1000;
    const text = JSON.stringify([expires, count ?? null, store]);
    const encrypted = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([encrypted, cipher.getAuthTag()]).toString("base64url");
  }

  /**
   * The store's cursor in one that a client sent.
   *
   * @throws {ScimRequestError} 400 `invalidCursor`: it was not given out for this. `expiredCursor`: its time is over.
   * `invalidCount`: it belongs to another page size.
   */
  decode(cursor: string, count: number | undefined, scope: CursorScope): string {
    const position = this.#decrypted(cursor, scope);
    if (position === undefined) {
      throw refused("invalidCursor", "The cursor is not one of a response to the same query.");
    }
    const [expires, size, store] = position;
    if (this.#now() > expires) throw refused("expiredCursor", "The cursor has expired.");
    if ((count ?? null) !== size) {
      throw refused("invalidCount", "The count is not that of the first page.");
    }
    return store;
  }

  #decrypted(
    cursor: string,
    scope: CursorScope,
  ): readonly [number, number | null, string] | undefined {
    const encrypted = Buffer.from(cursor, "base64url");
    if (encrypted.length <= nonceLength + tagLength) return undefined;
    const decipher = createDecipheriv(algorithm, this.#key, encrypted.subarray(0, nonceLength), {
      authTagLength: tagLength,
    })
      .setAAD(bound(scope))
      .setAuthTag(encrypted.subarray(-tagLength));
    try {
      const text = decipher.update(encrypted.subarray(nonceLength, -tagLength), undefined, "utf8");
      // What decrypts was made here.
      return JSON.parse(text + decipher.final("utf8"));
    } catch {
      return undefined;
    }
  }
}

function bound({ principal, query }: CursorScope): Buffer {
  return Buffer.from(JSON.stringify([principal, query]));
}

function refused(
  scimType: "invalidCursor" | "expiredCursor" | "invalidCount",
  detail: string,
): ScimRequestError {
  return new ScimRequestError(400, detail, { scimType });
}
