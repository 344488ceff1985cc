import { type FieldLines, listTokens } from "../message/field-lines.js";

/**
 * The fields that are about one connection and never passed on (RFC 9110 §7.6.1), with those that only the next hop may
 * read (§11.7), and those that say where a message ends, which each connection says for itself.
 */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "content-length",
]);

/** The fields of a request to one of privacyIDEA's events that a server gets. Credentials are not among them. */
export const eventRequestFields: readonly string[] = [
  "accept",
  "accept-language",
  "content-type",
  "traceparent",
  "tracestate",
  "user-agent",
];

/** The fields of a response to one of privacyIDEA's events that the client gets. Cookies are not among them. */
export const eventResponseFields: readonly string[] = [
  "cache-control",
  "content-language",
  "pragma",
  "retry-after",
  "www-authenticate",
];

/** The fields of a request to any HTTP API that a server gets. Credentials are not among them. */
export const passThroughRequestFields: readonly string[] = [
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "content-encoding",
  "content-language",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "prefer",
  "range",
  "traceparent",
  "tracestate",
  "user-agent",
];

/** The fields of a response of any HTTP API that the client gets. Cookies are not among them. */
export const passThroughResponseFields: readonly string[] = [
  "accept-ranges",
  "age",
  "allow",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-range",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "link",
  "location",
  "preference-applied",
  "retry-after",
  "vary",
  "www-authenticate",
];

/** A list of fields that are passed on; the names that are about one connection are not, even if they are in it. */
export class FieldAllowList {
  readonly #names: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.#names = new Set(
      names.map((name) => name.toLowerCase()).filter((name) => !hopByHop.has(name)),
    );
  }

  /** The field lines that are in the list, and that Connection does not name. Names are in lower case. */
  filter(lines: FieldLines): string[] {
    const named = connectionOptions(lines);
    const kept: string[] = [];
    for (let at = 0; at < lines.length; at += 2) {
      const name = (lines[at] ?? "").toLowerCase();
      if (this.#names.has(name) && named?.includes(name) !== true) {
        kept.push(name, lines[at + 1] ?? "");
      }
    }
    return kept;
  }
}

/** The names that a Connection field says are about this connection only. */
function connectionOptions(lines: FieldLines): readonly string[] | undefined {
  let named: string[] | undefined;
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at];
    if (name?.length !== 10 || name.toLowerCase() !== "connection") continue;
    const value = lines[at + 1] ?? "";
    // What almost every client sends names no field.
    if (value === "keep-alive" || value === "close") continue;
    named ??= [];
    named.push(...listTokens(value));
  }
  return named;
}
