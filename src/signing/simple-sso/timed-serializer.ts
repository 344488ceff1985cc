import { deflateSync, inflateSync } from "node:zlib";
import { InvalidValueError } from "../../core/index.js";

/**
 * From when itsdangerous counts the seconds of its stamps: from 2011-01-01 in the releases before 1.0, as simple-sso
 * pins them, and from 1970-01-01 in those since 1.1.
 */
export type Epoch = "2011" | "unix";

/** The beginning of each epoch, in seconds since 1970. */
const beginnings: Readonly<Record<Epoch, number>> = { "2011": 1_293_840_000, unix: 0 };

/** A text in the form `payload.stamp.signature`, taken apart. */
export interface TimedText {
  /** What is signed: the payload and the stamp, with the point between them. */
  readonly signed: string;
  readonly payload: string;
  readonly stamp: string;
  readonly signature: string;
}

/** Takes a signed text apart from its end, since points may be in the payload. */
export function parseTimedText(text: string): TimedText | undefined {
  const end = text.lastIndexOf(".");
  const middle = text.lastIndexOf(".", end - 1);
  if (end < 0 || middle < 0 || middle === end) return undefined;
  return {
    signed: text.slice(0, end),
    payload: text.slice(0, middle),
    stamp: text.slice(middle + 1, end),
    signature: text.slice(end + 1),
  };
}

/**
 * A time, in seconds since 1970, as the bytes of the number without leading zeros, in base64url.
 *
 * @throws {InvalidValueError} the time is before the epoch: there is no stamp of it.
 */
export function printStamp(seconds: number, epoch: Epoch): string {
  const count = Math.floor(seconds) - beginnings[epoch];
  if (!(count >= 0)) {
    throw new InvalidValueError("now", "the clock is before the time from which stamps count.");
  }
  return printNumber(count);
}

function printNumber(count: number): string {
  const bytes: number[] = [];
  for (let rest = count; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from(bytes).toString("base64url");
}

/** The time of a stamp, in seconds since 1970; of several epochs, the one in which it is nearest to now. */
export function parseStamp(
  stamp: string,
  epochs: readonly Epoch[],
  now: number,
): number | undefined {
  if (!/^[A-Za-z0-9_-]{1,8}$/.test(stamp)) return undefined;
  const bytes = Buffer.from(stamp, "base64url");
  const isCanonical = bytes[0] !== 0 && bytes.toString("base64url") === stamp;
  if (bytes.length === 0 || !isCanonical) return undefined;
  const count = bytes.readUIntBE(0, bytes.length);
  let nearest: number | undefined;
  for (const epoch of epochs) {
    const time = count + beginnings[epoch];
    if (nearest === undefined || Math.abs(time - now) < Math.abs(nearest - now)) nearest = time;
  }
  return nearest;
}

/**
 * Encodes a payload for a URL as `URLSafeSerializer` does: in base64url, compressed where that is shorter, with a point
 * before it.
 */
export function packUrlSafe(payload: string): string {
  const bytes = Buffer.from(payload);
  const compressed = deflateSync(bytes);
  return compressed.length < bytes.length - 1
    ? `.${compressed.toString("base64url")}`
    : bytes.toString("base64url");
}

/** The payload that was encoded for a URL; `undefined` where it is none, or has more bytes than the limit. */
export function unpackUrlSafe(packed: string, limit: number): string | undefined {
  const isCompressed = packed.startsWith(".");
  const encoded = isCompressed ? packed.slice(1) : packed;
  if (!/^[A-Za-z0-9_-]*$/.test(encoded)) return undefined;
  const bytes = Buffer.from(encoded, "base64url");
  if (!isCompressed) return bytes.length > limit ? undefined : readText(bytes);
  try {
    return readText(inflateSync(bytes, { maxOutputLength: limit }));
  } catch {
    return undefined;
  }
}

/** The text of bytes in UTF-8, which has the same bytes again; `undefined` where they are not UTF-8. */
export function readText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
