import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import type { Consumer } from "../../repositories/index.js";
import type { SigningKey } from "../../signing/index.js";
import { keysOf } from "./consumers.js";

/** What a request token carries from the first step of a sign-on to the second. */
export interface RequestTokenContent {
  readonly redirectTo: string;
  readonly state?: string;
  /** When it was issued. */
  readonly issuedAt: Date;
}

const cipher = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/** The longest token that is decrypted, in characters. */
const longest = 16_384;

/**
 * Encrypts what a consumer asked for into a token, so that nothing has to be kept for a visitor who is not known yet,
 * and strangers fill no store. The key comes from the secret that the consumer and the server share: the holder of it
 * can ask for such tokens anyway. No third party can read it or make one.
 */
export function encryptRequest(
  { key: name, format }: Consumer,
  { redirectTo, state, issuedAt }: RequestTokenContent,
  key: SigningKey,
): string {
  const nonce = randomBytes(nonceBytes);
  const encryption = createCipheriv(cipher, encryptionKey(key), nonce, { authTagLength: tagBytes });
  encryption.setAAD(Buffer.from(JSON.stringify([name, format])));
  const fields = [issuedAt.getTime(), redirectTo, ...(state === undefined ? [] : [state])];
  const encrypted = [nonce, encryption.update(JSON.stringify(fields)), encryption.final()];
  const content = Buffer.concat([...encrypted, encryption.getAuthTag()]);
  return `${Buffer.from(name).toString("base64url")}.${content.toString("base64url")}`;
}

/** The key of the consumer that a token says it is for; `undefined` where it is no token. */
export function consumerOf(token: string): string | undefined {
  const [name = "", content, ...others] = token.length > longest ? [] : token.split(".");
  if (content === undefined || others.length > 0 || !isBase64Url(name)) return undefined;
  return Buffer.from(name, "base64url").toString();
}

/**
 * What is in a token; `undefined` where it was not encrypted for this consumer, in its format, with a secret that it
 * has.
 */
export function decryptRequest(token: string, consumer: Consumer): RequestTokenContent | undefined {
  if (consumerOf(token) !== consumer.key) return undefined;
  const content = token.slice(token.indexOf(".") + 1);
  if (!isBase64Url(content)) return undefined;
  const bytes = Buffer.from(content, "base64url");
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  for (const key of keysOf(consumer)) {
    const text = decryptWith(bytes, key, consumer);
    if (text !== undefined) return readContent(text, key);
  }
  return undefined;
}

function decryptWith(bytes: Buffer, key: SigningKey, consumer: Consumer): string | undefined {
  const nonce = bytes.subarray(0, nonceBytes);
  const end = bytes.length - tagBytes;
  const decryption = createDecipheriv(cipher, encryptionKey(key), nonce, {
    authTagLength: tagBytes,
  });
  decryption.setAAD(Buffer.from(JSON.stringify([consumer.key, consumer.format])));
  decryption.setAuthTag(bytes.subarray(end));
  try {
    return (
      decryption.update(bytes.subarray(nonceBytes, end), undefined, "utf8") +
      decryption.final("utf8")
    );
  } catch {
    return undefined;
  }
}

/** What was encrypted, with a key that was valid then. */
function readContent(
  text: string,
  { notBefore, notAfter }: SigningKey,
): RequestTokenContent | undefined {
  const [time, redirectTo, state]: readonly unknown[] = JSON.parse(text);
  if (typeof time !== "number" || typeof redirectTo !== "string") return undefined;
  const issuedAt = new Date(time);
  const wasValid =
    (notBefore === undefined || notBefore <= issuedAt) &&
    (notAfter === undefined || issuedAt < notAfter);
  if (!wasValid) return undefined;
  return { redirectTo, issuedAt, ...(typeof state === "string" ? { state } : {}) };
}

/**
 * The key that encrypts, apart from those that sign. As bytes it would cost a tenth of a sign-on: Node.js makes an
 * error of them on the way.
 */
function encryptionKey({ secret }: SigningKey): KeyObject {
  const bytes = createHmac("sha256", secret).update("concordat sign-on request token").digest();
  return createSecretKey(bytes);
}

/** Whether a text is the one encoding of its bytes, so that a token has no other spelling that would pass once more. */
function isBase64Url(text: string): boolean {
  return Buffer.from(text, "base64url").toString("base64url") === text;
}
