import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { buildConnector, Pool } from "undici";
import type { FederationServer, FederationServerTls } from "../../repositories/index.js";
import { FederationError } from "../errors.js";
import { AddressGuard, type Resolve } from "./address.js";

/** What a server may take and send where its definition does not say. */
export const defaultLimits = {
  connect: 2_000,
  content: 10_000,
  firstByte: 10_000,
  total: 30_000,
  answerSize: 1_048_576,
  connections: 128,
} as const;

/**
 * The connections to one server. HTTP/1.1, one request at a time on each: a request that shares no connection with others
 * can be given up without harm to them, and it is known of each whether it was sent.
 *
 * @throws {FederationError} the URL has an address that is not allowed.
 */
export function openPool(server: FederationServer, resolve?: Resolve): Pool {
  const { limits = {}, tls = {} } = server;
  const guard = new AddressGuard(server, resolve);
  const connect = buildConnector({
    timeout: limits.connect ?? defaultLimits.connect,
    allowH2: false,
    lookup: guard.lookup,
    ...(server.url.startsWith("https:") ? tlsOptions(server.identifier, tls) : {}),
  });
  return new Pool(new URL(server.url).origin, {
    connect,
    connections: limits.connections ?? defaultLimits.connections,
    pipelining: 1,
    // The limits are kept by each exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** Whether all connections are taken, so that a request waits for this side, and not for the server. */
export function isFull(pool: Pool, { limits }: FederationServer): boolean {
  return pool.stats.running >= (limits?.connections ?? defaultLimits.connections);
}

function tlsOptions(identifier: string, tls: FederationServerTls): buildConnector.BuildOptions {
  const { ca, certificate, key, pins } = tls;
  return {
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
    ...(pins === undefined
      ? {}
      : {
          // A resumed session is not checked again.
          maxCachedSessions: 0,
          checkServerIdentity: (host, certificate) =>
            checkServerIdentity(host, certificate) ?? pinProblem(identifier, pins, certificate),
        }),
  };
}

/** Why a certificate does not have one of the pinned keys. */
function pinProblem(
  identifier: string,
  pins: readonly string[],
  { raw }: PeerCertificate,
): Error | undefined {
  const key = new X509Certificate(raw).publicKey.export({ type: "spki", format: "der" });
  const digest = createHash("sha256").update(key).digest();
  const isPinned = pins.some((pin) => timingSafeEqual(Buffer.from(pin, "base64"), digest));
  return isPinned ? undefined : new FederationError("untrusted", identifier);
}
