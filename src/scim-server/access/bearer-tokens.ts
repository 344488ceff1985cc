import { createHash, timingSafeEqual } from "node:crypto";
import { InvalidValueError } from "../../core/index.js";
import type { Principal } from "../principal.js";
import { bearerCredentials } from "./bearer-credentials.js";

/** A bearer token that is good. The token itself is not kept anywhere. */
export interface BearerToken<P extends Principal> {
  /**
   * The SHA-256 digest of the token, in hexadecimal digits. A token is random, of 128 bits and more, so that a digest without salt
   * tells nothing of it: `openssl rand -base64 32`.
   */
  readonly sha256: string;
  /** On whose behalf requests with the token are made. Several tokens may be those of one, while one takes the place of another. */
  readonly principal: P;
  /** When the token ends to be good. Default: never. */
  readonly expires?: Date;
}

/** Options of {@link bearerTokens}. */
export interface BearerTokenOptions {
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

/**
 * Authenticates requests by bearer tokens (RFC 6750) that were made in advance, as Entra and Okta have them. A token is compared
 * with every one that is good, and each comparison takes the same time whatever the token.
 *
 * @param tokens The tokens, or a function that reads them anew for each request: from a table in which administrators make them.
 * @throws {InvalidValueError} a digest is none.
 */
export function bearerTokens<P extends Principal>(
  tokens:
    | readonly BearerToken<P>[]
    | (() => readonly BearerToken<P>[] | Promise<readonly BearerToken<P>[]>),
  { now = Date.now }: BearerTokenOptions = {},
): (request: Request) => Promise<P | undefined> {
  const fixed = typeof tokens === "function" ? undefined : tokens.map(withDigest);
  return async (request) => {
    const sent = bearerCredentials(request);
    if (sent === undefined) return undefined;
    const digest = createHash("sha256").update(sent).digest();
    const known = fixed ?? (typeof tokens === "function" ? (await tokens()).map(withDigest) : []);
    let principal: P | undefined;
    for (const token of known) {
      const isGood = token.expires === undefined || token.expires.getTime() > now();
      if (timingSafeEqual(digest, token.digest) && isGood) principal = token.principal;
    }
    return principal;
  };
}

function withDigest<P extends Principal>(
  token: BearerToken<P>,
): BearerToken<P> & { readonly digest: Buffer } {
  if (!/^[0-9a-f]{64}$/i.test(token.sha256)) {
    throw new InvalidValueError("sha256", "it is a SHA-256 digest in 64 hexadecimal digits.");
  }
  return { ...token, digest: Buffer.from(token.sha256, "hex") };
}
