import type { Socket } from "node:net";
import { LdapProtocolError, LdapResultError } from "../wire/errors.js";
import { encodeStartTls } from "../wire/request.js";
import { exchangeOne } from "./one-answer.js";

/** The id of the one message that is sent before TLS. */
const messageId = 1;

/**
 * Asks the server to start TLS (RFC 4511 §4.14), and leaves the connection ready for the handshake.
 *
 * Whatever comes together with the answer was sent by an attacker who wants it taken for a part of the secured session:
 * then the connection is given up.
 *
 * @throws LdapResultError - the server does not offer TLS, or not now.
 */
export async function startTls(socket: Socket, signal: AbortSignal): Promise<void> {
  const { result, rest } = await exchangeOne(socket, {
    operation: "extended",
    request: { id: messageId, message: encodeStartTls(messageId), name: "StartTLS" },
    until: "TLS had begun",
    signal,
  });
  if (rest.length > 0) {
    throw new LdapProtocolError("unencrypted bytes follow the answer to StartTLS");
  }
  if (result.resultCode !== 0) throw new LdapResultError("StartTLS request", result);
}
