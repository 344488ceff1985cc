import { ConcordatError } from "../core/index.js";

/** Why a step of a sign-on is refused. */
export type SignOnReason = keyof typeof answers;

/** The status and the text of each refusal: those of django-simple-sso, where it has any that are sane. */
const answers = {
  /** There is no step at this path. */
  not_found: [404, "Not found"],
  /** The step has other methods, which `allow` names. */
  method_not_allowed: [405, "Method not allowed"],
  /** The message has more than 64 KiB. */
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
  /** The server did not answer, or not as a server does. */
  server_failed: [502, "The sign-on server did not answer"],
  /** A store did not answer. */
  unavailable: [503, "Try again later"],
} as const;

/** A step of a sign-on that is refused. Its message holds nothing secret. */
export class SignOnError extends ConcordatError {
  override readonly name = "SignOnError";
  override readonly code = "sign_on";
  /** Why the step is refused, for a host that handles refusals differently, as by a page of its own. */
  readonly reason: SignOnReason;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The methods that there are, where the request has another one (RFC 9110 §15.5.6). */
  readonly allow?: readonly string[];

  constructor(
    reason: SignOnReason,
    options: { readonly cause?: unknown; readonly allow?: readonly string[] } = {},
  ) {
    const { allow, ...rest } = options;
    const [status, text] = answers[reason];
    super(text, rest);
    this.reason = reason;
    this.status = status;
    if (allow !== undefined) this.allow = allow;
  }
}
