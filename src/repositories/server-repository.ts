import type { CallOptions } from "./resource-repository.js";

/** A server that requests may be passed on to: a child, in privacyIDEA's words a "privacyIDEA server". */
export interface FederationServer {
  /** The name by which rules mean it. Unique. */
  readonly identifier: string;
  /** Where its API begins, such as `https://pi.example.com` or `https://example.com/privacyidea`. */
  readonly url: string;
  /** What it is, for people; nothing goes by it. */
  readonly description?: string;
  /** How it proves who it is, and how this side does. The certificate is always verified. */
  readonly tls?: FederationServerTls;
  /** Allows an `http:` URL, over which passwords travel for all to read. Only for a network that is yours alone. */
  readonly allowCleartext?: boolean;
  /**
   * The networks that its addresses must be in, in CIDR notation. Default: any, but the addresses of this machine
   * (unless the URL names them), link-local, multicast and unspecified ones.
   */
  readonly addresses?: readonly string[];
  /** How long it may take, and how much it may send. Each limit that is left out has its default. */
  readonly limits?: FederationServerLimits;
  /**
   * How often it undoes percent encoding in forms, queries and paths. privacyIDEA does so `"twice"` unless the user
   * agent is one of three that it knows; all others `"once"`. Default: `"twice"`.
   */
  readonly decoding?: "once" | "twice";
  /**
   * The RSA public key, in PEM, that it signs its responses with. Where one is given, a response without its signature
   * is refused.
   */
  readonly responseKey?: string;
  /** Keeps the `detail.origin` that it reports, because it is known to report the truth. Default: it is overwritten. */
  readonly reportsOrigin?: boolean;
  /** How to check its health while there are no requests. Default: only requests show it. */
  readonly healthCheck?: FederationServerHealthCheck;
}

/** The TLS side of a server. Everything is PEM. */
export interface FederationServerTls {
  /**
   * The certificates of the authorities that may have signed the server's; instead of those that Node.js comes with.
   */
  readonly ca?: string;
  /** The certificate that this side shows. */
  readonly certificate?: string;
  /** The private key of `certificate`. Secret: a store that others can read should not hold it. */
  readonly key?: string;
  /** The SHA-256 digests of the public keys (SPKI) that the server may have, in Base64, as RFC 7469 §2.4 has them. */
  readonly pins?: readonly string[];
}

/** How long a server may take, to within some 20 milliseconds, and how much it may send. */
export interface FederationServerLimits {
  /** Until a connection is there, in milliseconds. Default: 2,000. */
  readonly connect?: number;
  /**
   * How long the client may let it wait for the next piece of content that is passed on as it comes, in milliseconds;
   * what is later is the client's fault. Default: 10,000.
   */
  readonly content?: number;
  /**
   * From the end of the request, or where it stops taking its content, to the first byte of the response, in
   * milliseconds. Default: 10,000.
   */
  readonly firstByte?: number;
  /**
   * From the request to the end of the response, all servers of one rule together, in milliseconds. Default: 30,000.
   */
  readonly total?: number;
  /** How large a response may be, in bytes. Default: 1 MiB. Pass-through has no such limit. */
  readonly answerSize?: number;
  /** How many connections there may be at once. Default: 128. */
  readonly connections?: number;
}

/** A request whose response has a status below 300 while the server is healthy. */
export interface FederationServerHealthCheck {
  /** The path, after that of the URL, such as `/healthz`. */
  readonly path: string;
  /** How often, in milliseconds. Default: 10,000. */
  readonly interval?: number;
}

/** A store of the servers that requests may be passed on to. It is read for every forwarded request. */
export abstract class ServerRepository {
  /** The server with this identifier. */
  abstract get(identifier: string, options?: CallOptions): Promise<FederationServer | undefined>;

  /** Every server, by identifier. */
  abstract list(options?: CallOptions): Promise<readonly FederationServer[]>;
}
