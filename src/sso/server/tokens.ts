import type { Consumer, SignOnToken } from "../../repositories/index.js";
import { SignOnError } from "../errors.js";
import { formats } from "../formats/formats.js";
import { newToken, tokenId } from "../token.js";
import { currentKeyOf } from "./consumers.js";
import { decryptRequest, encryptRequest } from "./request-token.js";

/** How long the tokens of a server are good for, in seconds. */
export interface TokenLifetimes {
  /** From the begin to the end of signing in, passwords and all. Default: 600. */
  readonly request?: number;
  /** From the server to the client, through the browser. Default: 60. */
  readonly access?: number;
  /** How long a client may keep a user signed in, and be notified of the sign-out. Default: 30 days. */
  readonly session?: number;
}

/** A token as it goes out, and what is kept of it. */
export interface IssuedToken {
  /** The token itself, which the consumer gets and no store does. */
  readonly token: string;
  /** What is stored of it: its digest, and what it is for. */
  readonly record: SignOnToken;
}

/** What a consumer asks for when it begins. */
export interface SignOnRequest {
  /** Where the visitor is to be sent back to. Default: the first that is registered, as in the draft. */
  readonly redirectTo?: string;
  /** A value of the consumer's that is sent back with the visitor, who began there. Default: none, as in the draft. */
  readonly state?: string;
}

/** Who signed in, as the host knows. */
export interface Visitor {
  /** The id of the user. */
  readonly subject: string;
  /**
   * A name of the visitor's session, which clients get: never the secret by which the browser proves to have it.
   */
  readonly session: string;
}

/** How far the clocks of two processes of a server may be apart, in milliseconds. */
export const clockSkew = 60_000;

/**
 * The first step: a consumer asks for a token to send its visitor with. Nothing has to be kept of it: the token
 * carries, encrypted, what it is for, since a visitor who has not signed in yet can have one made.
 *
 * @throws {SignOnError} the visitor may not be sent back there, or the consumer has no secret now.
 */
export function issueRequestToken(
  consumer: Consumer,
  { redirectTo = consumer.redirectUris[0] ?? "", state }: SignOnRequest,
  now: Date,
): string {
  if (!isRegistered(consumer, redirectTo)) throw new SignOnError("redirect_not_registered");
  if ((state?.length ?? 0) > longestState) throw new SignOnError("malformed");
  const key = currentKeyOf(consumer, now);
  if (key === undefined) throw new SignOnError("access_denied");
  const content = { redirectTo, issuedAt: now, ...(state === undefined ? {} : { state }) };
  return encryptRequest(consumer, content, key);
}

/** The longest state that a consumer may want back, in characters. */
const longestState = 1_024;

/**
 * What a request token is for; `undefined` where it was not issued to this consumer, or too long ago, or where the
 * consumer's format, secrets or places to send visitors back to have changed since so that it is not good any more.
 * That it is used once is for the caller to see to, by its `id`.
 */
export function openRequestToken(
  consumer: Consumer,
  token: string,
  now: Date,
  { request = 600 }: TokenLifetimes = {},
): SignOnToken | undefined {
  const opened = decryptRequest(token, consumer);
  if (opened === undefined || !isRegistered(consumer, opened.redirectTo)) return undefined;
  const { redirectTo, state, issuedAt } = opened;
  const expiresAt = after(issuedAt, request);
  if (expiresAt <= now || issuedAt.getTime() > now.getTime() + clockSkew) return undefined;
  return {
    kind: "request",
    id: tokenId(token),
    consumer: consumer.key,
    expiresAt,
    redirectTo,
    ...(state === undefined ? {} : { state }),
  };
}

/** The second step: the visitor is signed in, and is sent back with another token. */
export function issueAccessToken(
  request: SignOnToken,
  { subject, session }: Visitor,
  now: Date,
  { access = 60 }: TokenLifetimes = {},
): IssuedToken {
  const token = newToken();
  return {
    token,
    record: {
      kind: "access",
      id: tokenId(token),
      consumer: request.consumer,
      expiresAt: after(now, access),
      subject,
      session,
      request: request.id,
    },
  };
}

/**
 * The third step: what is kept of an access token that was taken, so that the consumer can be notified of the sign-out.
 */
export function sessionRecord(
  { consumer, subject = "", session = "" }: SignOnToken,
  now: Date,
  { session: lifetime = 30 * 86_400 }: TokenLifetimes = {},
): SignOnToken {
  return {
    kind: "session",
    id: sessionId(consumer, session),
    consumer,
    expiresAt: after(now, lifetime),
    subject,
    session,
  };
}

/** By what it is found that a consumer knows of a session. */
export function sessionId(consumer: string, session: string): string {
  return tokenId(JSON.stringify([consumer, session]));
}

/**
 * Whether the consumer's visitors may be sent there.
 *
 * With `http-signature` the whole URL must be one that is registered. Sites with django-simple-sso put more into the
 * query, such as the page to go on to: there it is what stands before the query that must be registered, character by
 * character.
 */
export function isRegistered({ format, redirectUris }: Consumer, redirectTo: string): boolean {
  return formats[format].rules.isRegistered(redirectUris, redirectTo);
}

function after(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1_000);
}
