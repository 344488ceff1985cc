import type { Socket } from "node:net";
import { LdapCredentialsError, LdapProtocolError, LdapResultError } from "../../wire/errors.js";
import { LdapProtectionError, type Protection } from "../../wire/gssapi-errors.js";
import { encodeSaslBind } from "../../wire/request.js";
import type { OperationResult } from "../../wire/response.js";
import { type GssapiBind, refusals } from "../bind.js";
import { exchangeOne } from "../one-answer.js";
import type { Transport } from "../transport.js";
import { channelBindingsOf } from "./channel-bindings.js";
import type { GssContext, GssMessage, GssTarget } from "./context.js";
import { gssapiError } from "./failure.js";
import { longestToken, ProtectedConnection } from "./layer.js";

/** A bind, and where it is made. */
export interface GssapiExchange {
  readonly bind: GssapiBind;
  /** The host in the name of the service. */
  readonly host: string;
  /** The least that the messages are to be protected by. */
  readonly required: Protection;
  readonly signal: AbortSignal;
}

/** Kerberos takes two rounds, and then comes the offer. */
const mostRounds = 10;
/** The protections by their bits in the offer (RFC 4752 §3.1), the weakest first. */
const protectionBits: readonly (readonly [Protection, number])[] = [
  ["none", 1],
  ["integrity", 2],
  ["privacy", 4],
];

/**
 * Binds by the SASL mechanism GSSAPI (RFC 4752), before there is a session: the protection that is agreed upon begins
 * with the first byte behind the last answer.
 *
 * What is agreed upon cannot be lowered from outside: offer and choice are signed, an offer of less than is required is
 * refused, and so is a success before the offer.
 *
 * @returns the connection that the session is to use. The context belongs to it, or is freed where it is not needed.
 * @throws {LdapGssapiError} if the context cannot be made: no ticket, one that has expired, no such service …
 * @throws {LdapProtectionError} if the server does not offer the protection that is required.
 * @throws {LdapCredentialsError} if the server does not accept the credentials.
 */
export async function gssapiBind(socket: Socket, exchange: GssapiExchange): Promise<Transport> {
  const negotiation = new Negotiation(socket, exchange);
  try {
    return await negotiation.run();
  } catch (error) {
    negotiation.dispose();
    throw error;
  }
}

class Negotiation {
  readonly #socket: Socket;
  readonly #exchange: GssapiExchange;
  readonly #target: GssTarget;
  #context: GssContext | undefined;
  #lastId = 0;

  constructor(socket: Socket, exchange: GssapiExchange) {
    this.#socket = socket;
    this.#exchange = exchange;
    const channelBindings = channelBindingsOf(socket);
    this.#target = {
      service: `ldap@${exchange.host}`,
      ...(channelBindings !== undefined && { channelBindings }),
    };
  }

  async run(): Promise<Transport> {
    const { bind, required } = this.#exchange;
    const context = await bind.context(this.#target);
    this.#context = context;
    this.#exchange.signal.throwIfAborted();
    const { protection, bits, serverMaximum } = readOffer(await this.#offer(context), required);
    const confidential = protection === "privacy";
    const choice = Buffer.alloc(4);
    choice.writeUInt32BE(protection === "none" ? 0 : longestToken);
    choice[0] = bits;
    const answer = Buffer.concat([choice, Buffer.from(bind.authorizationId ?? "")]);
    const last = await this.#work("wrap", () => context.wrap(answer, { confidential: false }));
    const { result, rest } = await this.#send(last);
    if (result.resultCode !== 0) throw refusal(result);

    if (rest.length > 0) this.#socket.unshift(rest);
    if (protection === "none") {
      this.dispose();
      return this.#socket;
    }
    return new ProtectedConnection(this.#socket, context, {
      confidential,
      serverMaximum,
      service: this.#target.service,
    });
  }

  dispose(): void {
    this.#context?.[Symbol.dispose]?.();
    this.#context = undefined;
  }

  /** Establishes the context, and takes what the server then offers. */
  async #offer(context: GssContext): Promise<GssMessage> {
    let challenge: Uint8Array = Buffer.alloc(0);
    let isEstablished = false;
    for (let round = 0; round < mostRounds; round += 1) {
      let token: Uint8Array = Buffer.alloc(0);
      if (!isEstablished) {
        const received = challenge;
        const step = await this.#work("step", () => context.step(received));
        isEstablished = step.established;
        token = step.token;
      }
      const wasEstablished = isEstablished;
      const { result, rest } = await this.#send(token);
      if (rest.length > 0) throw new LdapProtocolError("something follows a challenge of the bind");
      if (result.resultCode === 0) {
        throw new LdapProtocolError("it let the bind succeed without proving who it is");
      }
      if (result.resultCode !== saslBindInProgress) throw refusal(result);
      challenge = result.serverCredentials ?? Buffer.alloc(0);
      if (wasEstablished) {
        const offer = challenge;
        return this.#work("unwrap", () => context.unwrap(offer));
      }
    }
    throw new LdapProtocolError(`it wants more than ${mostRounds} rounds for a bind`);
  }

  #send(credentials: Uint8Array): ReturnType<typeof exchangeOne> {
    this.#lastId += 1;
    const id = this.#lastId;
    return exchangeOne(this.#socket, {
      operation: "bind",
      request: { id, message: encodeSaslBind(id, "GSSAPI", credentials), name: "a bind" },
      until: "the bind was done",
      signal: this.#exchange.signal,
    });
  }

  async #work<T>(step: string, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw gssapiError(step, this.#target.service, cause);
    } finally {
      this.#exchange.signal.throwIfAborted();
    }
  }
}

const saslBindInProgress = 14;

/** What is to be taken of the offer of the server: one octet of bits, and three of the longest token that it takes. */
function readOffer(
  { message }: GssMessage,
  required: Protection,
): { readonly protection: Protection; readonly bits: number; readonly serverMaximum: number } {
  const [octet, ...size] = message;
  if (octet === undefined || size.length !== 3) {
    throw new LdapProtocolError(`its offer of a security layer has ${message.length} bytes, not 4`);
  }
  const isOffered = ([, bit]: readonly [Protection, number]) => (octet & bit) !== 0;
  const least = protectionBits.findIndex(([name]) => name === required);
  const chosen = protectionBits.slice(least).find(isOffered);
  if (chosen === undefined) {
    const offered = protectionBits.filter(isOffered).map(([name]) => name);
    throw new LdapProtectionError(required, offered);
  }
  const serverMaximum = Buffer.from(size).readUIntBE(0, 3);
  return { protection: chosen[0], bits: chosen[1], serverMaximum };
}

function refusal(result: OperationResult): Error {
  const { resultCode, diagnosticMessage } = result;
  if (refusals.includes(resultCode)) {
    const advice = diagnosticMessage.includes(badBindings) ? bindingsAdvice : accountAdvice;
    return new LdapCredentialsError(result, advice);
  }
  return new LdapResultError("bind", result, bindAdvice.get(resultCode));
}

/** The status by which Windows says that it wants channel bindings, in hexadecimal digits: SEC_E_BAD_BINDINGS. */
const badBindings = "80090346";
const bindingsAdvice =
  "The server demands channel bindings that fit the TLS connection: have the context made with those of its target, " +
  "and connect to the server itself, not through something that ends TLS before it.";
const accountAdvice =
  "Check that the principal has an account in the directory, and that the keytab of the server is current; " +
  "where TLS is ended by something before the server, its channel bindings do not fit.";

/** What a result code means in answer to a bind by GSSAPI. */
const bindAdvice: ReadonlyMap<number, string> = new Map([
  [7, "The server does not offer GSSAPI: it may lack a keytab or the plugin for it."],
  [
    8,
    "The server wants messages to be protected by the bind: use ldap: without TLS, " +
      'where the protection is "privacy" unless something else is asked for.',
  ],
  [
    50,
    "The account may not act as the authorizationId: leave it out, or have the right to granted.",
  ],
  [
    53,
    "The server may not take a protection by the bind inside TLS: leave out bind.protection, or use ldap: without TLS.",
  ],
  [
    80,
    "The server could not take the ticket, as when its keytab is not that of its principal, " +
      "or it wants more protection than was agreed upon.",
  ],
]);
