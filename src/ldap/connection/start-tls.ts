import type { Socket } from "node:net";
import {
  LdapConnectionLostError,
  LdapDisconnectedError,
  LdapProtocolError,
  LdapResultError,
} from "../wire/errors.js";
import { MessageFramer } from "../wire/framing.js";
import { encodeStartTls } from "../wire/request.js";
import { decodeResponse, type ResponseMessage } from "../wire/response.js";

/** The id of the one message that is sent before TLS. */
const messageId = 1;
/** The answer is some forty bytes long; a peer that sends more than this has something else in mind. */
const maxAnswerSize = 65_536;

/**
 * Asks the server to start TLS (RFC 4511 §4.14), and leaves the connection ready for the handshake.
 *
 * Whatever comes together with the answer was sent by an attacker who wants it taken for a part of the secured session:
 * then the connection is given up.
 *
 * @throws LdapResultError - the server does not offer TLS, or not now.
 */
export async function startTls(socket: Socket, signal: AbortSignal): Promise<void> {
  const answer = await firstMessage(socket, signal);
  const { id, response } = answer;
  if (response.kind !== "result" || response.operation !== "extended") {
    throw new LdapProtocolError("the answer to StartTLS is not an extended response");
  }
  if (id === 0) throw new LdapDisconnectedError(response);
  if (id !== messageId) throw new LdapProtocolError("the answer to StartTLS has another id");
  if (response.resultCode !== 0) throw new LdapResultError("StartTLS request", response);
}

function firstMessage(socket: Socket, signal: AbortSignal): Promise<ResponseMessage> {
  return new Promise((resolve, reject) => {
    const framer = new MessageFramer(maxAnswerSize, "refuse");
    let answer: ResponseMessage | undefined;

    const settle = (outcome: () => void) => {
      // Paused in the very turn in which the answer came, so that no byte of the handshake is taken for LDAP.
      socket.pause();
      socket.off("data", onData);
      socket.off("error", onError);
      socket.off("close", onClose);
      signal.removeEventListener("abort", onAbort);
      outcome();
    };
    const onData = (chunk: Buffer) => {
      try {
        framer.push(chunk, (bytes, start, end) => {
          if (answer !== undefined) throw injected();
          answer = decodeResponse(bytes, start, end);
        });
        if (answer === undefined) return;
        if (framer.pending > 0) throw injected();
        const message = answer;
        settle(() => resolve(message));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onError = (error: Error) => settle(() => reject(lost(error)));
    const onClose = () => settle(() => reject(lost()));
    const onAbort = () => settle(() => reject(signal.reason));

    socket.on("data", onData);
    socket.on("error", onError);
    socket.on("close", onClose);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else socket.write(encodeStartTls(messageId));
  });
}

function injected(): LdapProtocolError {
  return new LdapProtocolError("unencrypted bytes follow the answer to StartTLS");
}

function lost(cause?: Error): LdapConnectionLostError {
  return new LdapConnectionLostError("it ended before TLS had begun", { cause });
}
