import { FederationError, type FederationReason } from "../errors.js";

/** What an error of undici or of Node.js says about a server. */
export function failureReason(error: unknown, isSpent: boolean): FederationReason {
  if (error instanceof FederationError) return error.reason;
  const code = errorCode(error);
  if (isSpent && isUnaskedFor(error, code)) return "interim_answer";
  const known = reasonByCode.get(code);
  if (known !== undefined) return known;
  if (code.startsWith("HPE_")) return "malformed_answer";
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(code)) return "untrusted";
  return isSpent ? "broken_off" : "unreachable";
}

/**
 * Whether undici has ended the connection because of a response that is none yet: 100 (Continue) without the request
 * having asked for it, which RFC 9110 §15.2 lets a server send.
 */
function isUnaskedFor(error: unknown, code: string): boolean {
  return code === "UND_ERR_SOCKET" && error instanceof Error && error.message === "bad response";
}

const reasonByCode: ReadonlyMap<string, FederationReason> = new Map([
  ["UND_ERR_CONNECT_TIMEOUT", "connect_timeout"],
  ["ETIMEDOUT", "connect_timeout"],
  ["UND_ERR_HEADERS_OVERFLOW", "answer_too_large"],
  ["UND_ERR_DESTROYED", "closed"],
  ["UND_ERR_CLOSED", "closed"],
  ["ENOTFOUND", "unresolved"],
  ["EAI_AGAIN", "unresolved"],
  ["EPROTO", "untrusted"],
  ["UND_ERR_INVALID_ARG", "bad_field"],
]);

function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return String(error.code);
}
