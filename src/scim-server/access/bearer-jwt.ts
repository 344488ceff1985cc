import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";
import { InvalidValueError, UnavailableError } from "../../core/index.js";
import type { Principal } from "../principal.js";
import { ScimRequestError } from "../request/error.js";
import { bearerCredentials } from "./bearer-credentials.js";

/** Options of {@link bearerJwt}. */
export interface BearerJwtOptions<P extends Principal> {
  /** Where the issuer publishes its keys, or a function that finds the key of a token, as jose has it. */
  readonly keys: URL | JWTVerifyGetKey;
  /** Who must have issued a token: its `iss`. */
  readonly issuer: string | readonly string[];
  /** Whom a token must be meant for: one of its `aud`. */
  readonly audience: string | readonly string[];
  /**
   * What a token must say that it is, in the `typ` of its header. `at+jwt`: an access token as RFC 9068 has it. `JWT`:
   * anything that states no more precise type, or none, as the access tokens of Entra and of older issuers. An ID token
   * of the same issuer cannot be distinguished from these: give the API an audience of its own, that no application
   * signs users in with. Default: `at+jwt`.
   */
  readonly type?: "at+jwt" | "JWT" | undefined;
  /** The algorithms that tokens may be signed with; asymmetric ones. Default: RS256, PS256, ES256 and EdDSA. */
  readonly algorithms?: readonly string[] | undefined;
  /** The scopes that a token must all have, in its `scope` or `scp` (RFC 9068 §2.2.3). Default: none. */
  readonly scopes?: readonly string[] | undefined;
  /** How far the clocks may be apart, in seconds. Default: 30. */
  readonly clockTolerance?: number | undefined;
  /**
   * How long to wait, in milliseconds, after the keys could not be fetched from the URL in `keys` before they are asked
   * for again: any client can send what looks like a token, and each would else be a request to the issuer. Keys that
   * were fetched less than ten minutes ago are good meanwhile; after that, the response is 503 until they can be
   * fetched. A function in `keys` has to hold back by itself. Default: 5,000.
   */
  readonly retryKeysAfter?: number | undefined;
  /** Says on whose behalf a request with these claims is made; `undefined` for none. */
  readonly principal: (claims: JWTPayload) => P | undefined | Promise<P | undefined>;
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly now?: (() => number) | undefined;
}

const asymmetric = ["RS256", "PS256", "ES256", "EdDSA"];

/**
 * Authenticates requests by access tokens that are JWTs, of an issuer. What RFC 9068 §4 requires is checked: the type,
 * the signature, the issuer, the audience, and the time; a token must say until when it is good. Tokens that are
 * encrypted are not read.
 *
 * A token that is not valid is of no principal, and one without the scopes is refused with 403. Keys are fetched when
 * they are needed; where an issuer cannot be reached, the response is 503, since nothing is known of the token then.
 *
 * @throws {InvalidValueError} an algorithm is symmetric, or none: who knows a public key could sign with it.
 */
export function bearerJwt<P extends Principal>({
  keys,
  issuer,
  audience,
  type = "at+jwt",
  algorithms = asymmetric,
  scopes = [],
  clockTolerance = 30,
  retryKeysAfter = 5_000,
  principal,
  now = Date.now,
}: BearerJwtOptions<P>): (request: Request) => Promise<P | undefined> {
  const unsafe = algorithms.find((name) => name === "none" || name.startsWith("HS"));
  if (unsafe !== undefined) {
    throw new InvalidValueError("algorithms", `"${unsafe}" proves nothing with a public key.`);
  }
  const remote = { [customFetch]: holdingBack(retryKeysAfter, now) };
  const keyOf = availableKey(keys instanceof URL ? createRemoteJWKSet(keys, remote) : keys);
  return async (request) => {
    const token = bearerCredentials(request);
    if (token === undefined) return undefined;
    const claims = await verified(token, keyOf, type, {
      issuer: [issuer].flat(),
      audience: [audience].flat(),
      algorithms: [...algorithms],
      clockTolerance,
      requiredClaims: ["exp"],
      currentDate: new Date(now()),
    });
    if (claims === undefined) return undefined;
    const granted = scopesOf(claims);
    if (!scopes.every((scope) => granted.includes(scope))) {
      throw new ScimRequestError(403, "The token has not the scopes that this takes.", {
        headers: {
          "WWW-Authenticate": `Bearer error="insufficient_scope", scope="${scopes.join(" ")}"`,
        },
      });
    }
    return await principal(claims);
  };
}

/** The claims of a token that will do. */
async function verified(
  token: string,
  keyOf: JWTVerifyGetKey,
  type: "at+jwt" | "JWT",
  options: JWTVerifyOptions,
): Promise<JWTPayload | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keyOf, options);
    return isOfType(protectedHeader.typ, type) ? payload : undefined;
  } catch (error) {
    if (error instanceof UnavailableError) throw error;
    // Also a key that is not for the algorithm which the token states: any client can state one.
    return undefined;
  }
}

/** Fetches, but not for a while after that has failed: then it fails at once. */
function holdingBack(pause: number, now: () => number): FetchImplementation {
  let until = Number.NEGATIVE_INFINITY;
  return async (url, options) => {
    if (now() < until) {
      throw new UnavailableError("The keys of the issuer could not be had a moment ago.", {
        retryAfter: until - now(),
      });
    }
    try {
      const response = await fetch(url, options);
      const text = await response.text();
      if (response.status !== 200 || !isKeySet(text)) until = now() + pause;
      return new Response(text === "" ? null : text, { status: response.status });
    } catch (error) {
      until = now() + pause;
      throw error;
    }
  };
}

function isKeySet(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text)?.keys);
  } catch {
    return false;
  }
}

/** Whether a token states the type, which is a media type and may leave out `application/`. RFC 7515 §4.1.9. */
function isOfType(stated: string | undefined, type: "at+jwt" | "JWT"): boolean {
  if (stated === undefined) return type === "JWT";
  return stated.toLowerCase().replace(/^application\//, "") === type.toLowerCase();
}

/** A key, or that there is none, or that it cannot be known. */
function availableKey(keyOf: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keyOf(header, token);
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      const isUnknown = error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError);
      if (isUnknown || error.code === "ERR_JOSE_GENERIC") {
        throw new UnavailableError("The keys of the issuer cannot be had.", { cause: error });
      }
      throw error;
    }
  };
}

/** RFC 9068 has a text of scopes; Entra has `scp` as text, and `roles` for applications; Okta has `scp` as a list. */
function scopesOf({ scope, scp }: JWTPayload): readonly string[] {
  return [scope, scp].flatMap((value) => {
    if (typeof value === "string") return value.split(" ");
    return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  });
}
