import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import { BerError, elementSize, tags } from "../ber.js";
import { ResultCode } from "../errors.js";
import { encodeDisconnection, readRequest } from "./message.js";
import { Outbox } from "./outbox.js";
import type { Service } from "./service.js";
import { ClientSession } from "./session.js";

/** The largest request that is read, in bytes. */
const maxRequestSize = 16 * 1024 * 1024;
/** How many bytes of responses may wait before no more requests are read. */
const maxUnsent = 1024 * 1024;

/** The bytes of one client: cuts requests out of what arrives, and sends the responses. */
export class Connection {
  readonly #service: Service;
  readonly #session: ClientSession;
  readonly #outbox: Outbox;
  readonly #onClose: () => void;
  #socket: Socket;
  #received: Buffer[] = [];
  #receivedSize = 0;

  constructor(socket: Socket, service: Service, onClose: () => void) {
    this.#service = service;
    this.#onClose = onClose;
    this.#outbox = new Outbox(socket, service.faults);
    this.#session = new ClientSession(service, {
      send: (encoded, stage) => this.#outbox.send(encoded, stage),
      isSecure: () => this.#socket instanceof TLSSocket,
      startTls: (secureContext) => this.#startTls(secureContext),
      end: () => this.#socket.end(),
    });
    this.#socket = socket;
    this.#attach(socket);
  }

  /** Closes the connection at once, without notice, as a server that ends does. */
  destroy(): void {
    this.#session.close();
    this.#socket.destroy();
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    this.#outbox.attach(socket);
    socket.setNoDelay(true);
    socket.on("data", this.#receive);
    // A client that goes away without a word is no error here.
    socket.on("error", () => socket.destroy());
    socket.on("close", this.#close);
  }

  readonly #close = (): void => {
    this.#session.close();
    this.#outbox.close();
    this.#onClose();
  };

  readonly #receive = (chunk: Buffer): void => {
    this.#received.push(chunk);
    this.#receivedSize += chunk.length;
    this.#read();
  };

  #read(): void {
    const { readsAgain } = this.#service.faults;
    if (readsAgain !== undefined) {
      this.#readAfter(readsAgain);
      return;
    }
    try {
      for (let encoded = this.#nextMessage(); encoded; encoded = this.#nextMessage()) {
        this.#session.handle(readRequest(encoded));
      }
    } catch (error) {
      if (!(error instanceof BerError)) throw error;
      this.#refuse(error);
    }
    const { drained } = this.#outbox;
    if (this.#socket.writableLength > maxUnsent && drained !== undefined) this.#readAfter(drained);
  }

  #readAfter(occasion: Promise<void>): void {
    const socket = this.#socket;
    socket.pause();
    void occasion.then(() => {
      if (socket.destroyed) return;
      socket.resume();
      this.#read();
    });
  }

  /** Takes the next whole message from what was received. */
  #nextMessage(): Buffer | undefined {
    const [first] = this.#received;
    if (first === undefined) return undefined;
    const header = first.length >= 6 ? first : Buffer.concat(this.#received);
    if (header[0] !== tags.sequence) throw new BerError("A message is a SEQUENCE.");
    const size = elementSize(header);
    if (size === undefined) return undefined;
    if (size > maxRequestSize) throw new BerError("The message is too large.");
    if (this.#receivedSize < size) return undefined;
    const all = this.#received.length === 1 ? first : Buffer.concat(this.#received);
    const rest = all.subarray(size);
    this.#received = rest.length > 0 ? [rest] : [];
    this.#receivedSize = rest.length;
    return all.subarray(0, size);
  }

  /** RFC 4511 §4.1.1: bytes that are no message end the connection. */
  #refuse(error: BerError): void {
    const socket = this.#socket;
    socket.off("data", this.#receive);
    socket.resume();
    socket.end(
      encodeDisconnection({ resultCode: ResultCode.protocolError, message: error.message }),
    );
  }

  #startTls(secureContext: SecureContext): void {
    const plain = this.#socket;
    plain.off("data", this.#receive);
    plain.off("close", this.#close);
    // What came in the clear behind the request could be from an attacker (RFC 4511 §4.14.1).
    this.#received = [];
    this.#receivedSize = 0;
    this.#attach(new TLSSocket(plain, { isServer: true, secureContext }));
  }
}
