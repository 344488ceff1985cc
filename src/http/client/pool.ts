import { buildConnector, Pool } from "undici";
import { UnsupportedError } from "../../core/index.js";

/** Certificates and keys, as PEM. */
export interface TlsCredentials {
  /** Certificates of authorities, in place of those that Node.js knows. */
  readonly ca?: string | undefined;
  /** The certificate of the client. */
  readonly certificate?: string | undefined;
  /** The key of that certificate. */
  readonly key?: string | undefined;
}

/** What a pool is opened with. */
export interface PoolOptions {
  /** The most connections at a time. */
  readonly connections: number;
  /** The longest wait for a connection, TLS included, in milliseconds. */
  readonly connectTimeout: number;
  /** The longest silence before the response and within it, in milliseconds. Default: as long as it takes. */
  readonly silence?: number;
  readonly tls?: TlsCredentials;
  /** What else is to be said of connections. */
  readonly connector?: buildConnector.BuildOptions;
}

/**
 * Connections to an origin, each over HTTP/1.1 and for one request at a time: a request that shares no connection with
 * others can be given up without harm to them, and it is known of each whether it was sent.
 *
 * @throws {UnsupportedError} the runtime puts something else in the place of undici.
 */
export function openPool(
  { origin }: URL,
  { connections, connectTimeout, silence = 0, tls = {}, connector = {} }: PoolOptions,
): Pool {
  assertWhole(Pool);
  const { ca, certificate, key } = tls;
  return new Pool(origin, {
    connect: buildConnector({
      timeout: connectTimeout,
      allowH2: false,
      ...(origin.startsWith("https:") && { minVersion: "TLSv1.2" }),
      ...(ca !== undefined && { ca }),
      ...(certificate !== undefined && { cert: certificate }),
      ...(key !== undefined && { key }),
      ...connector,
    }),
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: silence,
    bodyTimeout: silence,
  });
}

/** Bun gives a stub for `undici`, whatever is installed: its pools cannot send. */
function assertWhole({ prototype }: { readonly prototype: { readonly dispatch?: unknown } }): void {
  if (typeof prototype.dispatch === "function") return;
  throw new UnsupportedError(
    "This runtime replaces the package undici by a stub, as Bun does: concordat/scim-client and concordat/federation " +
      "run on Node.js.",
  );
}
