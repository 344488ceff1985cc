import { ConcordatError } from "../core/index.js";
import type { SignatureRefusal } from "../signing/index.js";

/** Why a step of a sign-on is refused. */
export type SignOnReason = keyof typeof refusals;

/** The status and the text of each refusal: those of django-simple-sso, where it has any that are sane. */
const refusals = {
  /** There is no step at this path. */
  not_found: [404, "Not found"],
  /** The step has other methods, which `allow` names. */
  method_not_allowed: [405, "Method not allowed"],
  /** The body of the message is longer than `maxBodyBytes`. */
  content_too_large: [413, "Content too large"],
  /** A message says of which consumer it is, and this one does not. */
  no_key: [400, "No public key"],
  /** No consumer of the message's format has the key that it names. */
  unknown_key: [400, "Invalid public key"],
  /** The message is not what the consumer signed, or was here before. */
  wrong_signature: [400, "Bad Signature"],
  /** It was signed too long ago, or one of the clocks is wrong. */
  untimely: [400, "Signature expired"],
  /** It is signed, and makes no sense. */
  malformed: [400, "Failed to process the request"],
  /** The consumer may not have its visitors sent there. */
  redirect_not_registered: [403, "Redirect not registered"],
  /** The token is not there, or is there twice. */
  token_missing: [400, "Token missing"],
  /** There is no such token, or no longer: it was used, or has expired, or belongs to another. */
  token_not_found: [403, "Token not found"],
  /** The user may not use the consumer, or the server refused. */
  access_denied: [403, "Access denied"],
  /** The user's account is not active. */
  inactive: [403, "Access denied"],
  /** This browser did not begin the sign-on, or began it too long ago. */
  not_begun_here: [403, "Sign-on was not begun in this browser"],
  /** The user's name belongs to an account of this site that is not linked with the server's. */
  user_name_taken: [403, "User name taken"],
  /** The server did not respond, or not as a server does. */
  server_failed: [502, "The sign-on server did not respond"],
  /** The server responded that it does not do what it was asked; `answered` has its words. */
  server_refused: [502, "The sign-on server refused the request"],
  /** The server's response is not signed by it, or not for this request or time; `refusal` says which. */
  server_not_verified: [502, "The response of the sign-on server could not be verified"],
  /** A store was unavailable. */
  unavailable: [503, "Try again later"],
} as const;

/** What the other site responded with instead of what it was asked for. */
export interface SiteResponse {
  /** The HTTP status code. */
  readonly status: number;
  /**
   * Its first 200 characters, with a space for each that cannot be printed. It is not signed: any host on the way may
   * have written it.
   */
  readonly text: string;
  /**
   * By how many seconds the clock here was ahead of the one that the response's field `Date` is from, which is exact to
   * a second. Negative: it was behind. Absent where there is no such field.
   */
  readonly skew?: number;
}

/** Options of {@link SignOnError}. */
export interface SignOnErrorOptions {
  /** What was thrown below, such as by a store. */
  readonly cause?: unknown;
  /** The methods that there are, of `method_not_allowed`. */
  readonly allow?: readonly string[] | undefined;
  /** Why a signature was not taken. */
  readonly refusal?: SignatureRefusal | undefined;
  /** The key of the consumer that the message names. */
  readonly consumer?: string | undefined;
  /** What the other site responded with. */
  readonly answered?: SiteResponse | undefined;
}

/** A step of a sign-on that is refused. Its message holds nothing secret, and is for the operator of the site. */
export class SignOnError extends ConcordatError {
  override readonly name = "SignOnError";
  override readonly code = "sign_on";
  /** Why the step is refused, for a host that handles refusals differently, as by a page of its own. */
  readonly reason: SignOnReason;
  /** The HTTP status of the response. */
  readonly status: number;
  /** The text of the response, which any visitor may read. */
  readonly text: string;
  /** The methods that there are, where the request has another one (RFC 9110 §15.5.6). */
  readonly allow?: readonly string[];
  /** Why a signature was not taken, where that is the reason. */
  readonly refusal?: SignatureRefusal;
  /**
   * The key of the consumer that a message names, in up to 256 characters. Only a signature that is right proves that
   * it is its.
   */
  readonly consumer?: string;
  /** The response of the other site, where that is the reason. */
  readonly answered?: SiteResponse;

  constructor(
    reason: SignOnReason,
    { cause, allow, refusal, consumer, answered }: SignOnErrorOptions = {},
  ) {
    const [status, text] = refusals[reason];
    super(messageOf(text, refusal, answered), cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.status = status;
    this.text = text;
    if (allow !== undefined) this.allow = allow;
    if (refusal !== undefined) this.refusal = refusal;
    if (consumer !== undefined) this.consumer = consumer.slice(0, 256);
    if (answered !== undefined) this.answered = answered;
  }
}

function messageOf(text: string, refusal?: SignatureRefusal, answered?: SiteResponse): string {
  let message = text;
  if (refusal !== undefined) {
    message += `: ${refusal.code}`;
    if ("seconds" in refusal) message += ` by ${refusal.seconds} s`;
    if ("detail" in refusal) message += `. ${refusal.detail}`;
  }
  if (answered !== undefined) {
    const { status, text: words, skew } = answered;
    message += `: ${status} ${JSON.stringify(words)}`;
    if (skew !== undefined && skew !== 0) {
      message += ` (its clock is ${Math.abs(skew)} s ${skew > 0 ? "behind" : "ahead"})`;
    }
  }
  return message;
}
