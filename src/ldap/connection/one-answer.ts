import type { Socket } from "node:net";
import {
  LdapConnectionLostError,
  LdapDisconnectedError,
  LdapMessageTooLargeError,
  LdapProtocolError,
} from "../wire/errors.js";
import { messageSize } from "../wire/framing.js";
import { decodeResponse, type OperationResult } from "../wire/response.js";

/** An answer is some hundred bytes long; a peer that sends more than this has something else in mind. */
const maxAnswerSize = 65_536;

/** A request that is made before there is a session, since what is under the session depends on the answer. */
export interface FirstRequest {
  /** What the answer has to be. */
  readonly operation: OperationResult["operation"];
  /** The message with its id, and what errors call it. */
  readonly request: { readonly id: number; readonly message: Buffer; readonly name: string };
  /** What the connection had to last for, as a clause that follows "before". */
  readonly until: string;
  readonly signal: AbortSignal;
}

/** An answer, and what has come behind it, which belongs to whatever follows on the connection. */
export interface FirstAnswer {
  readonly result: OperationResult;
  readonly rest: Buffer;
}

/**
 * Sends a request on a connection that has no session, and waits for the one message that answers it. The connection is
 * left paused, so that no byte behind the answer is taken for LDAP.
 *
 * @throws LdapProtocolError - something else came.
 * @throws LdapDisconnectedError - the server ended the session and gave a reason.
 * @throws LdapConnectionLostError - the connection broke.
 */
export async function exchangeOne(
  socket: Socket,
  { operation, request, until, signal }: FirstRequest,
): Promise<FirstAnswer> {
  const { bytes, size } = await firstMessage(socket, request.message, until, signal);
  const { id, response } = decodeResponse(bytes, 0, size);
  if (response.kind !== "result") throw other(request.name, operation);
  if (id === 0 && response.operation === "extended") throw new LdapDisconnectedError(response);
  if (response.operation !== operation) throw other(request.name, operation);
  if (id !== request.id) {
    throw new LdapProtocolError(`the answer to ${request.name} has another id`);
  }
  return { result: response, rest: bytes.subarray(size) };
}

function other(name: string, operation: string): LdapProtocolError {
  const article = operation === "extended" ? "an" : "a";
  return new LdapProtocolError(`the answer to ${name} is not ${article} ${operation} response`);
}

/** All that has come when the first message is whole, and how long that is. */
function firstMessage(
  socket: Socket,
  request: Buffer,
  until: string,
  signal: AbortSignal,
): Promise<{ readonly bytes: Buffer; readonly size: number }> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);

    const settle = (outcome: () => void) => {
      // Paused in the very turn in which the answer came.
      socket.pause();
      socket.off("data", onData);
      socket.off("error", onError);
      socket.off("close", onClose);
      signal.removeEventListener("abort", onAbort);
      outcome();
    };
    const onData = (chunk: Buffer) => {
      try {
        bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
        const size = messageSize(bytes, 0, bytes.length);
        if (size === undefined) return;
        if (size > maxAnswerSize) throw new LdapMessageTooLargeError(size, maxAnswerSize);
        if (size <= bytes.length) settle(() => resolve({ bytes, size }));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onError = (error: Error) => settle(() => reject(lost(until, error)));
    const onClose = () => settle(() => reject(lost(until)));
    const onAbort = () => settle(() => reject(signal.reason));

    socket.on("data", onData);
    socket.on("error", onError);
    socket.on("close", onClose);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else if (socket.destroyed) onClose();
    else {
      socket.write(request);
      socket.resume();
    }
  });
}

function lost(until: string, cause?: Error): LdapConnectionLostError {
  return new LdapConnectionLostError(`it ended before ${until}`, { cause });
}
