import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { BerReader, Tag } from "../../wire/ber.js";

/** The digests of signature algorithms by their object identifiers in DER, in hexadecimal digits. */
const digests: ReadonlyMap<string, string> = new Map([
  // RSA (RFC 8017, appendix C). MD5 and SHA-1 give way to SHA-256 (RFC 5929 §4.1).
  ["2a864886f70d010104", "sha256"],
  ["2a864886f70d010105", "sha256"],
  ["2a864886f70d01010b", "sha256"],
  ["2a864886f70d01010c", "sha384"],
  ["2a864886f70d01010d", "sha512"],
  ["2a864886f70d01010e", "sha224"],
  // ECDSA (RFC 5758 §3.2).
  ["2a8648ce3d0401", "sha256"],
  ["2a8648ce3d040301", "sha224"],
  ["2a8648ce3d040302", "sha256"],
  ["2a8648ce3d040303", "sha384"],
  ["2a8648ce3d040304", "sha512"],
]);

/**
 * What ties a context to the TLS connection under it: `tls-server-end-point` (RFC 5929 §4). Undefined without TLS, and
 * where the signature algorithm has no digest of its own, which leaves it undefined there too.
 */
export function channelBindingsOf(socket: Socket): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate()?.raw;
  const digest = certificate === undefined ? undefined : digests.get(signatureOf(certificate));
  if (certificate === undefined || digest === undefined) return undefined;
  const hash = createHash(digest).update(certificate).digest();
  return Buffer.concat([Buffer.from("tls-server-end-point:"), hash]);
}

/** The object identifier of the algorithm that a certificate is signed by (RFC 5280 §4.1.1.2). */
function signatureOf(certificate: Buffer): string {
  const reader = new BerReader(certificate);
  const end = reader.enter(Tag.sequence, certificate.length);
  reader.skip(end);
  const algorithmEnd = reader.enter(Tag.sequence, end);
  return reader.readOctets(algorithmEnd, objectIdentifier).toString("hex");
}

const objectIdentifier = 0x06;
