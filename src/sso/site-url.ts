import { InvalidValueError } from "../core/index.js";

/**
 * The URL of a handler, which ends in a slash.
 *
 * @throws {InvalidValueError} it is none, or the connection to it could be read on the way.
 */
export function siteUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.href !== url || !/^https?:\/\/[^?#@]*\/$/.test(url)) {
    throw new InvalidValueError(
      "url",
      "it is not an absolute http: or https: URL that ends in a slash, in its usual form.",
    );
  }
  if (!isPrivate(parsed)) {
    throw new InvalidValueError("url", "only on this machine it may be http:.");
  }
  return parsed;
}

/** Whether no third party can read along on the way to a URL: it is `https:`, or of this machine. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || isThisMachine(hostname);
}

/** Whether a host name means this machine on every machine (RFC 6761 §6.3). */
function isThisMachine(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}
