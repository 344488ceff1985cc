import {
  LdapConnectionClosedError,
  LdapConnectionLostError,
  LdapDisconnectedError,
  LdapError,
  LdapProtocolError,
  LdapTlsError,
} from "../wire/errors.js";
import type { Deliver, MessageFramer } from "../wire/framing.js";
import {
  encodeAbandon,
  encodeCancel,
  encodeSearch,
  encodeUnbind,
  maxInt,
} from "../wire/request.js";
import {
  decodeResponse,
  type OperationResult,
  type Response,
  type ResponseMessage,
} from "../wire/response.js";
import { BackPressure } from "./back-pressure.js";
import { errorReason, type Transport } from "./transport.js";

/** A request whose answers are awaited. */
export interface PendingRequest {
  /**
   * Takes an answer, of so many bytes on the wire. Returns whether it was the last one.
   *
   * @throws LdapProtocolError - it is no answer to this operation.
   */
  receive(response: Response, size: number): boolean;
  /** There will be no more answers: the session has ended. */
  fail(error: Error): void;
}

/** How a session treats the connection under it. */
export interface LdapSessionOptions {
  /** For messages. */
  readonly host: string;
  readonly highWaterMark: number;
  readonly probeInterval: number;
}

/** RFC 4511 §4.4.1 */
const noticeOfDisconnection = "1.3.6.1.4.1.1466.20036";
/** The result code of a Cancel that the server will not do (RFC 3909 §3). */
const cannotCancel = 121;
/** How long the last message may take to leave when the connection is closed, in milliseconds. */
const closingTime = 1_000;

/**
 * An LDAP session (RFC 4511 §3.1): requests with their ids over one connection, and the answers to each of them.
 *
 * Whatever breaks the session ends it, destroys the connection, and fails all operations with the reason.
 */
export class LdapSession {
  /** Fulfilled when the connection is closed, whatever closed it. */
  readonly closed: Promise<void>;
  readonly backPressure: BackPressure;
  readonly #socket: Transport;
  readonly #host: string;
  readonly #framer: MessageFramer;
  readonly #pending = new Map<number, PendingRequest>();
  #lastId = 0;
  #end: Error | undefined;
  readonly #probe: NodeJS.Timeout | undefined;
  #heardSinceProbe = true;
  #probing = false;

  /** @param framer - Gets the chunks that the socket emits; one that puts them there itself calls {@link filled}. */
  constructor(socket: Transport, framer: MessageFramer, options: LdapSessionOptions) {
    this.#socket = socket;
    this.#host = options.host;
    this.#framer = framer;
    this.backPressure = new BackPressure(socket, options.highWaterMark);
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk: Buffer) => this.#receive((deliver) => framer.push(chunk, deliver)));
    // What was asked before there was a session has left it paused.
    socket.resume();
    socket.on("error", (error) => this.#fail(this.#lost(error)));
    socket.on("close", () => this.#fail(this.#lost()));
    if (options.probeInterval > 0) {
      this.#probe = setInterval(() => this.#probePeer(), options.probeInterval).unref();
    }
  }

  /** The address of the other end; undefined on a socket of this machine. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** So many bytes have been read into the room of the framer. */
  filled(length: number): void {
    this.#receive((deliver) => this.#framer.fill(length, deliver));
  }

  /** The bytes of a message are not looked at any more. */
  reuse(bytes: Buffer): void {
    this.#framer.reuse(bytes);
  }

  /**
   * Sends a request, and hands its answers to the operation. Returns the message id.
   *
   * @param encode - Makes the message; what it throws is thrown here, and nothing is sent.
   */
  request(encode: (messageId: number) => Buffer, operation: PendingRequest): number {
    const id = this.#send(encode);
    this.#pending.set(id, operation);
    return id;
  }

  /** Sends a request that has one answer, and waits for it. */
  exchange(
    kind: OperationResult["operation"],
    encode: (messageId: number) => Buffer,
  ): Promise<OperationResult> {
    return new Promise((resolve, reject) => {
      this.request(encode, {
        receive(response) {
          if (response.kind === "intermediate") return false;
          if (response.kind !== "result" || response.operation !== kind) {
            throw new LdapProtocolError(`a request was answered by something other than ${kind}`);
          }
          resolve(response);
          return true;
        },
        fail: reject,
      });
    });
  }

  /** Tells the server that no more responses are wanted (RFC 4511 §4.11). Those that still come are ignored. */
  abandon(id: number): void {
    if (this.#pending.delete(id)) this.#send((messageId) => encodeAbandon(messageId, id));
  }

  /** Has the server end an operation and say so (RFC 3909). The operation gets its last answer as ever. */
  cancel(id: number): void {
    if (!this.#pending.has(id)) return;
    this.exchange("extended", (messageId) => encodeCancel(messageId, id)).then(
      ({ resultCode }) => {
        if (resultCode === cannotCancel) this.abandon(id);
      },
      // The session has ended, and the operation with it.
      () => {},
    );
  }

  /** Ends the session with an UnbindRequest (RFC 4511 §4.3); fulfilled when the connection is closed. */
  close(): Promise<void> {
    if (this.#end === undefined) {
      this.#send(encodeUnbind);
      this.#finish(new LdapConnectionClosedError());
      this.#socket.destroySoon();
      const timer = setTimeout(() => this.#socket.destroy(), closingTime);
      this.#socket.once("close", () => clearTimeout(timer));
    }
    return this.closed;
  }

  #send(encode: (messageId: number) => Buffer): number {
    if (this.#end !== undefined) throw this.#end;
    if (this.#lastId === maxInt) throw new LdapConnectionLostError("its message ids are used up");
    const id = this.#lastId + 1;
    const message = encode(id);
    this.#lastId = id;
    this.#socket.write(message);
    return id;
  }

  #receive(read: (deliver: Deliver) => void): void {
    if (this.#end !== undefined) return;
    this.#heardSinceProbe = true;
    try {
      read((bytes, start, end, oversized) => {
        if (this.#end !== undefined) return;
        const { id, response } = decodeResponse(bytes, start, end);
        const size = end - start;
        if (oversized === undefined || response.kind !== "entry") {
          this.#dispatch({ id, response }, size);
          return;
        }
        const { dn, controls } = response;
        const entry = { kind: "oversized", dn, size: oversized, controls } as const;
        this.#dispatch({ id, response: entry }, size);
      });
    } catch (error) {
      this.#fail(error instanceof Error ? error : new LdapProtocolError(String(error)));
    }
  }

  #dispatch({ id, response }: ResponseMessage, size: number): void {
    if (id === 0) {
      this.#notified(response);
      return;
    }
    if (id > this.#lastId) throw new LdapProtocolError("it answered a request that was never made");
    // An operation that is not known any more has been abandoned; its answers may have been under way (§4.11).
    if (this.#pending.get(id)?.receive(response, size)) this.#pending.delete(id);
  }

  /** An unsolicited notification (RFC 4511 §4.4). Any but the one that is known are advice that may be ignored. */
  #notified(response: Response): void {
    if (response.kind !== "result" || response.operation !== "extended") {
      throw new LdapProtocolError("a message without an id is not a notification");
    }
    if (response.oid === noticeOfDisconnection) this.#fail(new LdapDisconnectedError(response));
  }

  /** Asks a server from which nothing has come for long whether it is still there. A firewall may have forgotten us. */
  #probePeer(): void {
    const isIdle = !this.#heardSinceProbe && !this.backPressure.paused;
    this.#heardSinceProbe = this.backPressure.paused;
    if (!isIdle || this.#pending.size === 0) return;
    if (this.#probing) {
      this.#fail(new LdapConnectionLostError("the server has stopped answering"));
      return;
    }
    this.#probing = true;
    const done = () => {
      this.#probing = false;
    };
    const rootDse = {
      base: "",
      scope: "base",
      filter: "(objectClass=*)",
      attributes: ["1.1"],
    } as const;
    this.request((id) => encodeSearch(id, rootDse), {
      receive(response) {
        if (response.kind !== "result") return false;
        done();
        return true;
      },
      fail: done,
    });
  }

  #lost(cause?: Error): Error {
    const { oversizedError } = this.#framer;
    if (oversizedError !== undefined) return oversizedError;
    if (cause instanceof LdapError) return cause;
    const reason = errorReason(cause);
    if (cause !== undefined && reason.startsWith("ERR_SSL")) {
      return new LdapTlsError(this.#host, reason, { cause });
    }
    const how =
      cause === undefined
        ? this.#framer.pending > 0
          ? "the server closed it in the middle of a message"
          : "the server closed it"
        : `the system reports ${reason}`;
    return new LdapConnectionLostError(how, { cause });
  }

  #fail(error: Error): void {
    if (this.#end !== undefined) return;
    this.#finish(error);
    this.#socket.destroy();
  }

  #finish(error: Error): void {
    this.#end = error;
    clearInterval(this.#probe);
    const operations = [...this.#pending.values()];
    this.#pending.clear();
    for (const operation of operations) operation.fail(error);
  }
}
