import { domainToASCII } from "node:url";
import { InvalidValueError } from "../../core/index.js";

/** Where a server listens, and whether TLS comes before the first message. */
export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: "socket"; readonly path: string };

/**
 * Reads the URL of a server: `ldap://host:port`, `ldaps://host:port` or `ldapi://%2Fpath%2Fto%2Fsocket`.
 *
 * A URL of RFC 4516 may also hold a base, attributes, a scope and a filter. Here it names a server and nothing more,
 * so such a URL is refused: what it says would otherwise be ignored in silence.
 *
 * @throws InvalidValueError - it is not such a URL. The message does not repeat it, since it may hold a password.
 */
export function parseEndpoint(url: string): Endpoint {
  const parsed = URL.parse(url);
  if (parsed === null) throw invalid("It is not a URL.");
  if (parsed.username !== "" || parsed.password !== "") {
    throw invalid('It must not hold credentials: give them as "bind".');
  }
  if ((parsed.pathname !== "" && parsed.pathname !== "/") || parsed.search !== "" || parsed.hash) {
    throw invalid("It must end after the host and port: a base and a filter belong to a search.");
  }
  switch (parsed.protocol) {
    case "ldap:":
      return tcp(parsed, 389, false);
    case "ldaps:":
      return tcp(parsed, 636, true);
    case "ldapi:":
      return { kind: "socket", path: socketPath(parsed) };
    default:
      throw invalid("Its scheme must be ldap:, ldaps: or ldapi:.");
  }
}

/** The endpoint as it is named in messages. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "socket") return endpoint.path;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

function tcp(url: URL, defaultPort: number, tls: boolean): Endpoint {
  const { hostname } = url;
  if (hostname === "") throw invalid("It names no host.");
  if (url.port === "0") throw invalid("Its port must not be 0.");
  const port = url.port === "" ? defaultPort : Number(url.port);
  if (hostname.startsWith("[")) return { kind: "tcp", host: hostname.slice(1, -1), port, tls };
  const host = domainToASCII(decode(hostname));
  if (host === "") throw invalid("Its host is not a domain name.");
  return { kind: "tcp", host, port, tls };
}

function socketPath(url: URL): string {
  const path = decode(url.hostname);
  if (!path.startsWith("/") || path.includes("\0")) {
    throw invalid("It must hold the absolute path of a socket with each / written as %2F.");
  }
  return path;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new InvalidValueError("url", "It is not percent-encoded UTF-8.", { cause });
  }
}

function invalid(problem: string): InvalidValueError {
  return new InvalidValueError("url", problem);
}
