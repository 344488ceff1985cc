import { TooManyError, UnavailableError } from "../core/index.js";
import { readBody } from "../http/index.js";
import type { HttpRequest, Refused } from "../signing/index.js";
import { SignOnError } from "./errors.js";

/** What signatures of this exchange are for (RFC 9421 §2.3). */
export const signatureTag = "concordat-sign-on";

/** How much is read of messages between the two sites. */
export interface ContentLimits {
  /** The longest body of a request or a response, in bytes. Default: 65,536. */
  readonly maxBodyBytes?: number | undefined;
}

/** The path of a request below the URL of a handler; `undefined` where it is not below it. */
export function stepOf({ url }: Request, { pathname: base }: URL): string | undefined {
  const { pathname } = new URL(url);
  return pathname.startsWith(base) ? pathname.slice(base.length) : undefined;
}

/** A request as it is signed: the site is what it is called outside, whatever stands between. */
export function signedRequest(request: Request, origin: string, target?: string): HttpRequest {
  const { pathname, search } = new URL(request.url);
  const { method, headers } = request;
  return {
    method,
    headers,
    url: `${origin}${pathname}${search}`,
    ...(target === undefined ? {} : { target }),
  };
}

/** @throws {SignOnError} the request has none of these methods. */
export function assertMethod({ method }: Request, ...allow: readonly string[]): void {
  if (!allow.includes(method)) throw new SignOnError("method_not_allowed", { allow });
}

/**
 * The content of a message.
 *
 * @throws {SignOnError} it is longer than the limit.
 */
export function readContent(
  message: Request | Response,
  { maxBodyBytes = 65_536 }: ContentLimits,
): Promise<Uint8Array> {
  return readBody(message, {
    maxBodyBytes,
    tooLarge: () => new SignOnError("content_too_large"),
  });
}

/** The members of a JSON object, by name. */
export type Members = ReadonlyMap<string, unknown>;

/**
 * The members of a JSON text.
 *
 * @throws {SignOnError} it is not an object in JSON.
 */
export function readMembers(text: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error of JSON.parse quotes the text, in which a token may be: it is not passed on.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return new Map(Object.entries(value));
  }
  throw new SignOnError("malformed");
}

/** A member that is a text; `undefined` where it is absent. */
export function textMember(members: Members, name: string): string | undefined {
  const value = members.get(name);
  if (value === undefined) return undefined;
  // Half a surrogate pair could not be put into a URL.
  if (typeof value === "string" && value.length <= 4_096 && value.isWellFormed()) return value;
  throw new SignOnError("malformed");
}

/** A refusal of the signature as a refusal of the step. */
export function refusalOf({ refusal, keyId }: Refused): SignOnError {
  const more = { refusal, ...(keyId === undefined ? {} : { consumer: keyId }) };
  switch (refusal.code) {
    case "unknown_key":
      return new SignOnError("unknown_key", more);
    case "stale":
    case "skewed":
      return new SignOnError("untimely", more);
    case "unavailable":
      return new SignOnError("unavailable", { ...more, cause: refusal.cause });
    default:
      return new SignOnError("wrong_signature", more);
  }
}

/** Fields of every response here: nothing is kept by caches, and no token goes on in a `Referer`. */
const privacy = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Sends a browser on. */
export function redirect(location: string, fields?: Headers): Response {
  const headers = withPrivacy(fields);
  headers.set("location", location);
  return new Response(null, { status: 302, headers });
}

/** A response with content. */
export function response(
  content: string | Uint8Array<ArrayBuffer>,
  type: string,
  status = 200,
): Response {
  const headers = withPrivacy();
  headers.set("content-type", type);
  return new Response(content, { status, headers });
}

/** The refusal of a step that failed; `undefined` where the failure is unforeseen. */
export function failureOf(error: unknown): SignOnError | undefined {
  if (error instanceof SignOnError) return error;
  if (error instanceof UnavailableError || error instanceof TooManyError) {
    return new SignOnError("unavailable", { cause: error });
  }
  return undefined;
}

/** A failure as a line of text. */
export function failureResponse({ text, status, allow }: SignOnError): Response {
  const failed = response(text, "text/plain; charset=utf-8", status);
  if (allow !== undefined) failed.headers.set("allow", allow.join(", "));
  return failed;
}

function withPrivacy(fields?: Headers): Headers {
  const headers = new Headers(fields);
  for (const [name, value] of Object.entries(privacy)) headers.set(name, value);
  return headers;
}
