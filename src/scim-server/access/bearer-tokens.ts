import { createHash, timingSafeEqual } from "node:crypto";
import { InvalidValueError } from "../../core/index.js";
import type { Principal } from "../principal.js";
import { bearerCredentials } from "./bearer-credentials.js";

/** A bearer token that is good. The token itself is not kept anywhere. */
export interface BearerToken<P extends Principal> {
  /**
   * The SHA-256 digest of the token, in hexadecimal digits. A token is random, of 128 bits and more, so that a digest
   * without salt reveals nothing of it: `openssl rand -base64 32`.
   */
  readonly sha256: string;
  /**
   * On whose behalf requests with the token are made. Several tokens may be those of one, while one replaces
   * another.
   */
  readonly principal: P;
  /** When the token ends to be good. Default: never. */
  readonly expires?: Date;
}

/** A client and its tokens, by which the others are told apart: the name is the `id` of its principal. */
export interface TokenClient extends Omit<Principal, "id"> {
  /**
   * The SHA-256 digest of its token, in hexadecimal digits, or several while one token replaces another. See
   * {@link BearerToken}.
   */
  readonly sha256: string | readonly string[] | undefined;
}

/** Clients by name, each with the digest of its token, or with that and what else is known of it. */
export type TokenClients = Readonly<Record<string, string | TokenClient | undefined>>;

/** Options of {@link bearerTokens}. */
export interface BearerTokenOptions {
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly now?: (() => number) | undefined;
}

/**
 * Authenticates requests by bearer tokens (RFC 6750) that were made in advance, as Entra and Okta have them. A token is
 * compared with every one that is good, and each comparison takes the same time whatever the token.
 *
 * @param tokens The tokens, or a function that reads them anew for each request: from a table in which administrators
 * make them.
 * @throws {InvalidValueError} a digest is none.
 */
export function bearerTokens<P extends Principal>(
  tokens:
    | readonly BearerToken<P>[]
    | (() => readonly BearerToken<P>[] | Promise<readonly BearerToken<P>[]>),
  options?: BearerTokenOptions,
): (request: Request) => Promise<P | undefined>;
/**
 * The same by name: each client's principal has its name for an `id`, and the `profile` and the `tenant` beside its
 * token.
 *
 * ```ts
 * bearerTokens({
 *   entra: { sha256: process.env["ENTRA_TOKEN_SHA256"], profile: entraProfile },
 *   okta: { sha256: process.env["OKTA_TOKEN_SHA256"], profile: oktaProfile },
 * });
 * ```
 *
 * @throws {InvalidValueError} a digest is none or missing; the error names the client.
 */
export function bearerTokens(
  clients: TokenClients,
  options?: BearerTokenOptions,
): (request: Request) => Promise<Principal | undefined>;
export function bearerTokens(
  given: TokenList | (() => TokenList | Promise<TokenList>) | TokenClients,
  { now = Date.now }: BearerTokenOptions = {},
): (request: Request) => Promise<Principal | undefined> {
  const read = typeof given === "function" ? given : undefined;
  const fixed = typeof given === "function" ? [] : fixedTokens(given);
  return async (request) => {
    const sent = bearerCredentials(request);
    if (sent === undefined) return undefined;
    const digest = createHash("sha256").update(sent).digest();
    const known = read === undefined ? fixed : (await read()).map((token) => withDigest(token));
    let principal: Principal | undefined;
    for (const token of known) {
      const isGood = token.expires === undefined || token.expires.getTime() > now();
      if (timingSafeEqual(digest, token.digest) && isGood) principal = token.principal;
    }
    return principal;
  };
}

type TokenList = readonly BearerToken<Principal>[];

interface KnownToken extends BearerToken<Principal> {
  readonly digest: Buffer;
}

function fixedTokens(given: TokenList | TokenClients): readonly KnownToken[] {
  if (isList(given)) return given.map((token) => withDigest(token));
  return Object.entries(given).flatMap(([id, client]) => {
    const { sha256, ...known } = typeof client === "object" ? client : { sha256: client };
    const digests = typeof sha256 === "object" ? sha256 : [sha256 ?? ""];
    if (digests.length === 0 || digests.includes("")) {
      throw new InvalidValueError(
        id,
        "it has no SHA-256 digest: is an environment variable not set?",
      );
    }
    return digests.map((one) => withDigest({ sha256: one, principal: { ...known, id } }, id));
  });
}

function isList(given: TokenList | TokenClients): given is TokenList {
  return Array.isArray(given);
}

/** @param name what the digest is called in the error. */
function withDigest(token: BearerToken<Principal>, name = "sha256"): KnownToken {
  if (!/^[0-9a-f]{64}$/i.test(token.sha256)) {
    throw new InvalidValueError(name, "it is a SHA-256 digest in 64 hexadecimal digits.");
  }
  return { ...token, digest: Buffer.from(token.sha256, "hex") };
}
