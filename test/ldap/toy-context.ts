import { setImmediate } from "node:timers/promises";
import type { GssContext, GssMessage, GssStep } from "concordat/ldap";
import { ber, bindResponse, idOf, message, type Peer } from "./scripted-server.js";

const overhead = 9;
const seal = Buffer.from("seal");

/**
 * A mechanism that protects nothing: it has the shape of one, and finds what is broken, repeated or out of order.
 * Each side has one.
 */
export class ToyContext implements GssContext {
  /** How often it was freed, and whether that, or another call, came while it was at work. */
  disposed = 0;
  overlapped = false;
  /** The lengths of the tokens that it has made. */
  readonly made: number[] = [];
  #sent = 0;
  #received = 0;
  #busy = false;

  async step(token: Uint8Array): Promise<GssStep> {
    await this.#work();
    if (token.length === 0) return { token: Buffer.from("hello"), established: false };
    if (Buffer.from(token).toString() !== "welcome") throw new Error("It is not who it should be.");
    return { token: new Uint8Array(), established: true };
  }

  async wrap(
    text: Uint8Array,
    { confidential }: { readonly confidential: boolean },
  ): Promise<Uint8Array> {
    await this.#work();
    const token = this.seal(text, confidential);
    this.made.push(token.length);
    return token;
  }

  async unwrap(token: Uint8Array): Promise<GssMessage> {
    await this.#work();
    return this.open(token);
  }

  wrapSizeLimit(tokenSize: number): number {
    return tokenSize - overhead;
  }

  [Symbol.dispose](): void {
    this.disposed += 1;
    this.overlapped ||= this.#busy;
  }

  seal(text: Uint8Array, confidential: boolean): Buffer {
    const head = Buffer.alloc(overhead - seal.length);
    head[0] = confidential ? 1 : 0;
    head.writeUInt32BE(this.#sent, 1);
    this.#sent += 1;
    return Buffer.concat([head, flipped(text, confidential), seal]);
  }

  open(token: Uint8Array): GssMessage {
    const bytes = Buffer.from(token);
    if (!bytes.subarray(-seal.length).equals(seal)) throw new Error("The token is broken.");
    if (bytes.readUInt32BE(1) !== this.#received) throw new Error("The token is out of order.");
    this.#received += 1;
    const confidential = bytes[0] === 1;
    const text = bytes.subarray(overhead - seal.length, bytes.length - seal.length);
    return { message: flipped(text, confidential), confidential };
  }

  async #work(): Promise<void> {
    this.overlapped ||= this.#busy || this.disposed > 0;
    this.#busy = true;
    await setImmediate();
    this.#busy = false;
  }
}

function flipped(text: Uint8Array, confidential: boolean): Buffer {
  return Buffer.from(confidential ? text.map((octet) => octet ^ 0x5a) : text);
}

/** A BindResponse with a challenge. */
export function challenge(id: number, credentials: Uint8Array | string): Buffer {
  const result = [Buffer.from("0a010e04000400", "hex"), ber(0x87, credentials)];
  return message(id, ber(0x61, ...result));
}

/** A token with its length before it. */
export function framed(token: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(token.length);
  return Buffer.concat([header, token]);
}

/** The offer of all protections and of tokens of 65,536 bytes. */
export const everything: Buffer = Buffer.from("07010000", "hex");

/** What the server's side of the exchange has come to. */
export interface Agreed {
  readonly context: ToyContext;
  /** The choice of the client: a bit, its own maximum, and whom to act as. */
  readonly choice: Buffer;
  /** The id of the last request, which has yet to be answered. */
  readonly id: number;
}

/** The server's side of the exchange up to the last answer; undefined if the client goes away. */
export async function agree(
  peer: Peer,
  offer: Uint8Array = everything,
): Promise<Agreed | undefined> {
  const context = new ToyContext();
  if ((await answer(peer, "welcome")) === undefined) return undefined;
  if ((await answer(peer, context.seal(offer, false))) === undefined) return undefined;
  const last = await peer.request();
  if (last === undefined) return undefined;
  const credentials = last.subarray(last.indexOf("GSSAPI") + "GSSAPI".length);
  const token = credentials.subarray(2);
  return { context, choice: Buffer.from(context.open(token).message), id: idOf(last) };
}

/** The same with the last answer, which is that the bind has succeeded, and with what is sent in the same breath. */
export async function succeed(
  peer: Peer,
  behind: (context: ToyContext) => Uint8Array = () => Buffer.alloc(0),
  offer?: Uint8Array,
): Promise<Agreed | undefined> {
  const agreed = await agree(peer, offer);
  if (agreed !== undefined) peer.send(bindResponse(agreed.id), behind(agreed.context));
  return agreed;
}

async function answer(peer: Peer, credentials: Uint8Array | string): Promise<Buffer | undefined> {
  const request = await peer.request();
  if (request !== undefined) peer.send(challenge(idOf(request), credentials));
  return request;
}

/** What the client says under the protection, message by message, in the order of their tokens. */
export class ProtectedPeer {
  readonly #socket: Peer["socket"];
  readonly #context: ToyContext;
  #bytes: Buffer = Buffer.alloc(0);
  /** The lengths of the tokens that have come. */
  readonly tokens: number[] = [];
  /** All that was in them. */
  text: Buffer = Buffer.alloc(0);

  constructor({ socket }: Peer, { context }: Agreed) {
    this.#socket = socket;
    this.#context = context;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  send(text: Uint8Array): void {
    this.#socket.write(framed(this.#context.seal(text, true)));
  }

  #receive(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readUInt32BE()) {
      const length = this.#bytes.readUInt32BE();
      const { message: text } = this.#context.open(this.#bytes.subarray(4, 4 + length));
      this.tokens.push(length);
      this.text = Buffer.concat([this.text, text]);
      this.#bytes = this.#bytes.subarray(4 + length);
    }
  }
}
