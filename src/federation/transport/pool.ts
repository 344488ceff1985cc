import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { buildConnector, Pool } from "undici";
import { openPool } from "../../http/client/index.js";
import type { FederationServer } from "../../repositories/index.js";
import { FederationError } from "../errors.js";
import { AddressGuard, type ResolveAddress } from "./address.js";

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
 * The connections to one server. The limits of time are kept by each exchange.
 *
 * @throws {FederationError} the URL has an address that is not allowed.
 */
export function openServerPool(server: FederationServer, resolve?: ResolveAddress): Pool {
  const { limits = {}, tls = {} } = server;
  const guard = new AddressGuard(server, resolve);
  return openPool(new URL(server.url), {
    connections: limits.connections ?? defaultLimits.connections,
    connectTimeout: limits.connect ?? defaultLimits.connect,
    tls,
    connector: { rejectUnauthorized: true, lookup: guard.lookup, ...pinning(server) },
  });
}

/** Whether all connections are taken, so that a request waits for this side, and not for the server. */
export function isFull(pool: Pool, { limits }: FederationServer): boolean {
  return pool.stats.running >= (limits?.connections ?? defaultLimits.connections);
}

/** What makes sure that a server has one of the keys that are pinned for it. */
function pinning({ identifier, tls = {} }: FederationServer): buildConnector.BuildOptions {
  const { pins } = tls;
  if (pins === undefined) return {};
  return {
    // A resumed session is not checked again.
    maxCachedSessions: 0,
    checkServerIdentity: (host, certificate) =>
      checkServerIdentity(host, certificate) ?? pinProblem(identifier, pins, certificate),
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
