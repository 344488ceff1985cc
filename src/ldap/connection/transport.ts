import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { InvalidValueError } from "../../core/index.js";
import { LdapConnectError, LdapTlsError } from "../wire/errors.js";
import { describeEndpoint, type Endpoint } from "./endpoint.js";

/** What a session needs of the connection under it. */
export interface Transport extends Duplex {
  readonly remoteAddress?: string | undefined;
  destroySoon(): void;
}

/** How TLS is made. The server's certificate and its name are always checked. */
export interface TlsOptions {
  /** The authorities to trust, in PEM, in place of those that Node trusts. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** This side's certificate and the chain to its authority, in PEM, for SASL EXTERNAL. */
  readonly cert?: string | Uint8Array | undefined;
  /** The private key of `cert`, in PEM. */
  readonly key?: string | Uint8Array | undefined;
  /** The name that the certificate must have, where it is not the host of the URL. */
  readonly servername?: string | undefined;
  /** The lowest version of TLS to accept. Default: Node's, which is TLSv1.2. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
}

/** How long a connection may be silent, in milliseconds, before the kernel asks whether the peer is still there. */
const keepAliveDelay = 30_000;

/**
 * Opens the transport connection.
 *
 * @param onread - Where it is to put what it reads, if nothing is put onto it. Without this it emits chunks.
 * @param address - The address of the host to connect to, where it has several. Default: whichever answers.
 * @throws LdapConnectError - it was refused, or the host has no address.
 */
export async function openSocket(
  endpoint: Endpoint,
  signal: AbortSignal,
  onread?: OnReadOpts,
  address?: string,
): Promise<Socket> {
  const socket = connectTcp({
    ...(endpoint.kind === "socket"
      ? { path: endpoint.path }
      : { host: address ?? endpoint.host, port: endpoint.port }),
    ...(onread !== undefined && { onread }),
  });
  await established(socket, "connect", signal, (reason, cause) => {
    return new LdapConnectError(describeEndpoint(endpoint), reason, { cause });
  });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveDelay);
  return socket;
}

/**
 * Puts TLS onto a connection, and checks that the server is the one of this name (RFC 4513 §3.1.3).
 *
 * @throws LdapTlsError - the handshake failed, or the certificate is not accepted.
 */
export async function secureSocket(
  socket: Socket,
  name: string,
  secureContext: SecureContext,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    host: name,
    // Server Name Indication holds host names only (RFC 6066 §3); an address is checked all the same.
    ...(isIP(name) === 0 && { servername: name }),
    rejectUnauthorized: true,
    secureContext,
  });
  await established(secured, "secureConnect", signal, (reason, cause) => {
    return new LdapTlsError(name, reason, { cause });
  });
  return secured;
}

/**
 * What TLS is made with: the authorities to trust, and this side's certificate and key.
 *
 * @throws InvalidValueError - they cannot be read, or do not belong together.
 */
export function secureContextOf({ ca, cert, key, minVersion }: TlsOptions): SecureContext {
  try {
    return createSecureContext({
      ...(ca !== undefined && { ca: (isList(ca) ? ca : [ca]).map(asBuffer) }),
      ...(cert !== undefined && { cert: asBuffer(cert) }),
      ...(key !== undefined && { key: asBuffer(key) }),
      ...(minVersion !== undefined && { minVersion }),
    });
  } catch (cause) {
    const message = `The certificate, the key or the version cannot be used (${errorReason(cause)}).`;
    throw new InvalidValueError("tls", message, { cause });
  }
}

function isList(ca: NonNullable<TlsOptions["ca"]>): ca is readonly (string | Uint8Array)[] {
  return Array.isArray(ca);
}

function asBuffer(pem: string | Uint8Array): Buffer {
  return typeof pem === "string" ? Buffer.from(pem) : Buffer.from(pem);
}

/** The system's or OpenSSL's code of an error, for messages and for switching on. */
export function errorReason(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return "unknown reason";
}

/** Waits for the event. When anything else comes first the socket is destroyed, and nothing more is heard of it. */
function established(
  socket: Socket,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
  failure: (reason: string, cause: unknown) => Error,
): Promise<void> {
  // Errors are reported to the pending requests. Where there are none they must not end the process.
  socket.on("error", () => {});
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => {
      socket.off(event, onEstablished);
      socket.off("error", onError);
      socket.off("close", onClose);
      signal.removeEventListener("abort", onAbort);
      if (error === undefined) {
        resolve();
      } else {
        socket.destroy();
        reject(error);
      }
    };
    const onEstablished = () => settle();
    const onError = (error: Error) => settle(failure(errorReason(error), error));
    const onClose = () => settle(failure("ECONNRESET", undefined));
    const onAbort = () => settle(signal.reason);
    socket.on(event, onEstablished);
    socket.on("error", onError);
    socket.on("close", onClose);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
}
