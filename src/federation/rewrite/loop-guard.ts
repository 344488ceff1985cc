import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import type { KeyRing, SigningKey } from "../../signing/index.js";
import { FederationError } from "../errors.js";
import type { EventRequest } from "../message/request.js";

/** Options of {@link LoopGuard}. */
export interface LoopGuardOptions {
  /**
   * The name of this side among those that pass requests on: letters, digits, `.`, `_` and `-`. All processes that
   * serve one address should have one name. Default: a random one.
   */
  readonly id?: string | undefined;
  /**
   * The keys with which the others and this side sign that a request has passed through them; the id of each is the
   * name of whose it is. With them only signed entries count. Without, the Via field counts, which any proxy on the way
   * may write or take away.
   */
  readonly hopKeys?: KeyRing | undefined;
  /**
   * How many may have passed a request on before it comes here. Default: 4 with keys. Without, 32: every proxy on the
   * way adds to the Via field, whether it takes part or not.
   */
  readonly maxHops?: number | undefined;
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly now?: (() => number) | undefined;
}

/** The field in which each instance that forwards a request signs that it has. */
export const hopsField = "concordat-hops";

/** How old a signed entry may be, in milliseconds: longer than any request is under way. */
const maxAge = 300_000;

/** Keeps requests from running in circles between those that pass them on. */
export class LoopGuard {
  /** The name of this side. */
  readonly id: string;
  readonly #keys: KeyRing | undefined;
  readonly #maxHops: number;
  readonly #now: () => number;

  /** @throws {RangeError} the name is not one, or there are keys but none of this side. */
  constructor({ id, hopKeys, maxHops, now = Date.now }: LoopGuardOptions = {}) {
    this.id = id ?? `concordat-${randomBytes(6).toString("hex")}`;
    this.#keys = hopKeys;
    this.#maxHops = maxHops ?? (hopKeys === undefined ? 32 : 4);
    this.#now = now;
    if (!/^[\w.-]{1,64}$/.test(this.id)) {
      throw new RangeError(`"${this.id}" is not a name of letters, digits, ".", "_" and "-".`);
    }
    if (hopKeys !== undefined && this.#ownKey() === undefined) {
      throw new RangeError(`There is no hop key for "${this.id}" itself.`);
    }
  }

  /**
   * The names of those that have passed the request on, the first one first.
   *
   * @throws {FederationError} this side is among them, or there are too many.
   */
  enter(request: EventRequest): readonly string[] {
    const chain =
      this.#keys === undefined
        ? viaNames(request.field("via"))
        : this.#verified(request).map(({ name }) => name);
    if (chain.includes(this.id) || chain.length >= this.#maxHops) {
      throw new FederationError("loop", [...chain, this.id].join(" → "));
    }
    return chain;
  }

  /** The field lines that say that the request has passed through here. */
  fields(request: EventRequest): readonly string[] {
    const received = request.field("via");
    const via = `1.1 ${this.id}`;
    const lines = ["via", received === undefined ? via : `${received}, ${via}`];
    const key = this.#ownKey();
    if (key === undefined) return lines;
    const before = this.#verified(request).map(({ text }) => text);
    const stated = `${this.id};t=${this.#now()}`;
    const signature = sign(key.secret, stated, before);
    return [...lines, hopsField, [...before, `${stated};s=${signature}`].join(", ")];
  }

  /**
   * The entries, from the first, that are signed with a known key. After one that is not, none counts.
   */
  #verified(request: EventRequest): readonly { readonly name: string; readonly text: string }[] {
    const entries: { name: string; text: string }[] = [];
    const value = request.field(hopsField);
    if (value === undefined) return entries;
    for (const text of value.split(",", this.#maxHops + 1).map((entry) => entry.trim())) {
      const match = /^(([\w.-]{1,64});t=(\d{1,15}));s=([\w-]{43})$/.exec(text);
      const [, stated = "", name = "", time, signature = ""] = match ?? [];
      if (Math.abs(this.#now() - Number(time)) > maxAge) break;
      const before = entries.map((entry) => entry.text);
      const keys = this.#keys?.find(name) ?? [];
      const isRight = keys.some(
        (one) => isInUse(one, Number(time)) && isSigned(one.secret, stated, before, signature),
      );
      if (!isRight) break;
      entries.push({ name, text });
    }
    return entries;
  }

  /** The key of this side that began last, of those that have begun and not ended. */
  #ownKey(): SigningKey | undefined {
    const now = this.#now();
    return this.#keys
      ?.find(this.id)
      .filter((key) => isInUse(key, now))
      .sort((one, other) => (one.notBefore?.getTime() ?? 0) - (other.notBefore?.getTime() ?? 0))
      .at(-1);
  }
}

/** Whether a key has begun and not ended at a time. */
function isInUse({ notBefore, notAfter }: SigningKey, time: number): boolean {
  return (notBefore?.getTime() ?? 0) <= time && time < (notAfter?.getTime() ?? time + 1);
}

/** Whether a signature is right. As texts, since several texts decode to the same bytes. */
function isSigned(
  secret: KeyObject,
  stated: string,
  before: readonly string[],
  signature: string,
): boolean {
  return timingSafeEqual(Buffer.from(signature), Buffer.from(sign(secret, stated, before)));
}

/** Signs an entry and all before it, so that none can be taken out or put elsewhere. */
function sign(key: KeyObject, stated: string, before: readonly string[]): string {
  return createHmac("sha256", key)
    .update(["concordat-hops-1", ...before, stated].join("\n"))
    .digest("base64url");
}

/** The names that a Via field lists (RFC 9110 §7.6.3). */
function viaNames(value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  return value
    .split(",")
    .map((entry) => entry.trim().split(/[ \t]+/, 2)[1] ?? "")
    .filter((name) => name !== "");
}
