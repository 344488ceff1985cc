/** What a handler may want to know of the connection that a request came by, which a Web `Request` leaves out. */
export interface ConnectionInfo {
  /** The IP address of the other end of the connection: the client, or the proxy nearest to here. */
  readonly remoteAddress?: string;
  /**
   * The request target as it was received (RFC 9112 §3.2), such as `/a/../b?x='y'`, where the URL of the `Request` has
   * its path resolved and its characters escaped. Signatures are over its bytes (RFC 9421 §2.2). Absent where the mount
   * does not know.
   */
  readonly target?: string;
}

/** Responds to a request: the one shape of everything in this package that is served over HTTP. */
export type Handler = (request: Request, connection?: ConnectionInfo) => Promise<Response>;
