/** What a handler may want to know of the connection that a request came by, which a Web `Request` leaves out. */
export interface ConnectionInfo {
  /** The IP address of the other end of the connection: the client, or the proxy nearest to here. */
  readonly remoteAddress?: string;
}

/** Answers a request: the one shape of everything in this package that is served over HTTP. */
export type Handler = (request: Request, connection?: ConnectionInfo) => Promise<Response>;
