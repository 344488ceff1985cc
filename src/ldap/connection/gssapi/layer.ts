import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { LdapConnectionLostError, LdapProtocolError } from "../../wire/errors.js";
import type { GssContext } from "./context.js";
import { gssapiError } from "./failure.js";

/** What the two sides have agreed upon (RFC 4752 §3.1). */
export interface LayerTerms {
  /** Whether messages are encrypted, and not only signed. */
  readonly confidential: boolean;
  /** The longest token that the server takes, in bytes. */
  readonly serverMaximum: number;
  /** For messages. */
  readonly service: string;
}

/** The longest token that is accepted, in bytes: what the server is told, and holds to (RFC 4422 §3.7). */
export const longestToken = 65_536;
/** The length that stands before each token. */
const headerSize = 4;
/** What is left for that which is put around a message, in bytes, where the context does not say how much it takes. */
const usualOverhead = 256;

/**
 * A connection whose bytes are protected by a security context (RFC 4422 §3.7): to what is above it, a connection like
 * any other. Tokens have nothing to do with messages: one may hold several, or a part of one.
 */
export class ProtectedConnection extends Duplex {
  readonly #socket: Socket;
  readonly #context: GssContext;
  readonly #terms: LayerTerms;
  readonly #longestPiece: number;
  /** What the context is doing, after which comes what it is to do next. */
  #turn: Promise<unknown> = Promise.resolve();
  #wanted: () => void = () => {};

  /** @param socket - It must be paused, with whatever has come of the first token put back into it. */
  constructor(socket: Socket, context: GssContext, terms: LayerTerms) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#context = context;
    this.#terms = terms;
    this.#longestPiece = longestPieceOf(context, terms);
    // Its end is heard of when everything has been read that came before.
    socket.on("error", (error) => this.destroy(error));
    void this.#receive();
  }

  /** The address of the other end. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Closes the connection when all has been sent that was to be. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  override _read(): void {
    this.#wanted();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk).then(() => done(), done);
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    this.#wanted();
    // A library must not be made to free what it is working on.
    void this.#inTurn(() => this.#context[Symbol.dispose]?.()).catch(() => {});
    done(error);
  }

  async #send(bytes: Buffer): Promise<void> {
    const { confidential, serverMaximum, service } = this.#terms;
    for (let start = 0; start < bytes.length; start += this.#longestPiece) {
      const piece = bytes.subarray(start, start + this.#longestPiece);
      const token = await this.#work("wrap", () => this.#context.wrap(piece, { confidential }));
      if (token.length > serverMaximum) {
        const problem = `${piece.length} bytes became ${token.length}, and the server takes ${serverMaximum}.`;
        throw gssapiError("wrap", service, new Error(problem));
      }
      const header = Buffer.alloc(headerSize);
      header.writeUInt32BE(token.length);
      if (!this.#socket.write(Buffer.concat([header, token]))) await this.#drained();
    }
  }

  /** Waits until the socket has sent what it was given, or is closed, which the session hears of by itself. */
  #drained(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        socket.off("drain", settle);
        socket.off("close", settle);
        resolve();
      };
      socket.on("drain", settle);
      socket.on("close", settle);
    });
  }

  /** Reads tokens, one after the other, and no faster than their contents are taken. */
  async #receive(): Promise<void> {
    try {
      const tokens = new TokenFramer();
      for await (const chunk of this.#socket) {
        for (const token of tokens.push(chunk)) {
          const { message, confidential } = await this.#work("unwrap", () =>
            this.#context.unwrap(token),
          );
          if (this.destroyed) return;
          if (this.#terms.confidential && !confidential) {
            throw new LdapProtocolError("it sent a token that is signed but not encrypted");
          }
          // A stream takes nothing at all for "nothing yet".
          if (message.length > 0 && !this.push(asBuffer(message))) await this.#taken();
        }
      }
      if (tokens.pending) {
        throw new LdapConnectionLostError("the server closed it in the middle of a token");
      }
      this.push(null);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Waits until more is wanted, or nothing any more. */
  #taken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }

  async #work<T>(step: "wrap" | "unwrap", work: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#inTurn(work);
    } catch (cause) {
      throw gssapiError(step, this.#terms.service, cause);
    }
  }

  /** Has the context do one thing at a time: it counts its tokens, and libraries keep the state of one call. */
  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** Cuts the stream into tokens, each with its length before it. */
class TokenFramer {
  #chunks: Buffer[] = [];
  #length = 0;
  /** How many bytes the header and its token have, once the header is there. */
  #size: number | undefined;

  /** Whether something has come of a token that is not whole. */
  get pending(): boolean {
    return this.#length > 0;
  }

  *push(chunk: Buffer): Generator<Buffer, void> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= (this.#size ?? headerSize)) {
      const [bytes = Buffer.alloc(0), ...others] = this.#chunks;
      const all = others.length === 0 ? bytes : Buffer.concat(this.#chunks, this.#length);
      this.#size ??= headerSize + tokenLength(all);
      const isWhole = all.length >= this.#size;
      const rest = isWhole ? all.subarray(this.#size) : all;
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#length = rest.length;
      if (!isWhole) return;
      const token = all.subarray(headerSize, this.#size);
      this.#size = undefined;
      yield token;
    }
  }
}

function tokenLength(bytes: Buffer): number {
  const length = bytes.readUInt32BE();
  if (length === 0) throw new LdapProtocolError("it sent a token of no length");
  if (length > longestToken) {
    throw new LdapProtocolError(
      `it announced a token of ${length} bytes where ${longestToken} were agreed upon, or did not protect what it sent`,
    );
  }
  return length;
}

/**
 * How many bytes are put into one token.
 *
 * @throws {LdapProtocolError} if the server takes none that would hold anything.
 */
function longestPieceOf(context: GssContext, { confidential, serverMaximum }: LayerTerms): number {
  const tokenSize = Math.min(serverMaximum, longestToken);
  const limit = context.wrapSizeLimit?.(tokenSize, { confidential }) ?? tokenSize - usualOverhead;
  if (!(limit >= 1)) {
    throw new LdapProtocolError(`it takes tokens of no more than ${serverMaximum} bytes`);
  }
  return Math.min(Math.floor(limit), tokenSize);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
