import type { OnReadOpts, Socket } from "node:net";
import { InvalidValueError } from "../../core/index.js";
import { AttributeTypes, decodeAttributes } from "../wire/entry-attributes.js";
import { LdapCleartextError, LdapConnectError, LdapResultError } from "../wire/errors.js";
import { MessageFramer } from "../wire/framing.js";
import type {
  EncodedEntry,
  EncodedMessage,
  LdapSearchRequest,
  SearchEntry,
  SearchMessage,
} from "../wire/message.js";
import type { OversizedPolicy } from "../wire/oversized.js";
import { encodeWhoAmI, extendedOperation, maxInt } from "../wire/request.js";
import { type RootDse, readRootDse, rootDseRequest } from "../wire/root-dse.js";
import { authenticate, type BindOptions, checkBind, type GssapiBind } from "./bind.js";
import { describeEndpoint, type Endpoint, parseEndpoint } from "./endpoint.js";
import { gssapiBind } from "./gssapi/bind.js";
import { type LdapSearchOptions, Search } from "./search.js";
import { LdapSession } from "./session.js";
import { startTls } from "./start-tls.js";
import {
  openSocket,
  secureContextOf,
  secureSocket,
  type TlsOptions,
  type Transport,
} from "./transport.js";

/** How to reach a directory, and as whom. */
export interface ConnectOptions {
  /** `ldap://host:389`, `ldaps://host:636`, or `ldapi://` and the percent-encoded path of a socket. */
  readonly url: string;
  /** Secure an `ldap:` connection before anything else is sent (RFC 4511 §4.14). Default: false. */
  readonly startTls?: boolean | undefined;
  /**
   * For `ldaps:` and `startTls`; without either it is refused, since nothing would be secured. A function is called at
   * each connection, so that a certificate that was renewed is presented. What it throws is thrown on; an
   * `UnavailableError` tells a stream that reconnects by itself to try again later.
   */
  readonly tls?: TlsOptions | (() => TlsOptions | Promise<TlsOptions>) | undefined;
  /** The account to bind as. Default: none, an anonymous session. */
  readonly bind?: BindOptions | undefined;
  /** Let a simple bind send its password over an unencrypted `ldap:` connection. Default: false. */
  readonly allowCleartext?: boolean | undefined;
  /** How long all of connecting may take, TLS and bind included, in milliseconds. Default: 10 000. */
  readonly connectTimeout?: number | undefined;
  /** The longest message to accept, in bytes; an entry is one message. Default: 33 554 432 (32 MiB). */
  readonly maxMessageSize?: number | undefined;
  /**
   * What becomes of an entry that is longer. `error`: it ends the connection, with an error that names it. `ignore`: a
   * search yields its name without its attributes. Default: `error`.
   */
  readonly oversized?: OversizedPolicy | undefined;
  /**
   * How many bytes of messages may wait to be taken, over all searches, before reading stops. Default: 4 194 304
   * (4 MiB). What is in the caller's hands is not counted.
   */
  readonly highWaterMark?: number | undefined;
  /**
   * How long a server may be silent, in milliseconds, while something is awaited from it, before it is asked for a sign
   * of life; when the same time passes again, the connection is taken for lost. 0: never ask. Default: 60 000.
   */
  readonly probeInterval?: number | undefined;
  /** Gives up connecting. An established connection does not heed it. */
  readonly signal?: AbortSignal | undefined;
}

const defaults = {
  connectTimeout: 10_000,
  maxMessageSize: 33_554_432,
  highWaterMark: 4_194_304,
  probeInterval: 60_000,
};

/**
 * Connects to a directory: opens the connection, secures it, and binds.
 *
 * Only an authority that is trusted and a certificate with the right name will do; there is no way to switch that off.
 *
 * @throws LdapConnectError - no server answers at the address, or not in time.
 * @throws LdapTlsError - TLS failed, or the server's certificate is not accepted.
 * @throws LdapCleartextError - a password would have been sent unencrypted.
 * @throws LdapCredentialsError - the server does not accept the credentials.
 * @throws LdapGssapiError - there is no valid ticket, no such service, or no key distribution centre.
 * @throws LdapProtectionError - the server does not offer the protection that a GSSAPI bind requires.
 * @throws LdapResultError - the server refuses StartTLS or the bind for another reason.
 * @throws LdapProtocolError - what answers does not speak LDAP.
 * @throws InvalidValueError - an option is not possible, such as an empty password.
 */
export function connect(options: ConnectOptions): Promise<LdapConnection> {
  return connectTo(options);
}

/**
 * The same, to one of the addresses that the host may have.
 *
 * @internal
 */
export async function connectTo(
  options: ConnectOptions,
  address?: string,
): Promise<LdapConnection> {
  const endpoint = parseEndpoint(options.url);
  check(endpoint, options);

  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(new LdapConnectError(describeEndpoint(endpoint), "ETIMEDOUT"));
  }, options.connectTimeout ?? defaults.connectTimeout);
  const signal = options.signal
    ? AbortSignal.any([options.signal, timeout.signal])
    : timeout.signal;
  try {
    signal.throwIfAborted();
    return new LdapConnection(await openSession(endpoint, options, signal, address));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A connection to a directory, from {@link connect}. It is to be closed: by `await using`, or by
 * {@link LdapConnection.close}.
 *
 * Any number of searches can run at once. They share the connection, and its limit on bytes that wait: a caller that
 * runs several must read them all.
 */
export class LdapConnection implements AsyncDisposable {
  readonly #session: LdapSession;
  readonly #types = new AttributeTypes();
  #offersCancel = false;

  /** Connections are made by {@link connect}. */
  constructor(session: LdapSession) {
    this.#session = session;
  }

  /** Fulfilled when the connection is closed, by either side or by a failure. It is never rejected. */
  get closed(): Promise<void> {
    return this.#session.closed;
  }

  /** The address of the server; undefined on a socket of this machine. */
  get remoteAddress(): string | undefined {
    return this.#session.remoteAddress;
  }

  /** How many bytes of messages have arrived and not been taken. */
  get bufferedBytes(): number {
    return this.#session.backPressure.buffered;
  }

  /**
   * Searches (RFC 4511 §4.5). The request is sent when the iteration begins, and each turn yields all that has arrived.
   * The last message of a search that succeeds is of the kind `done`.
   *
   * Leaving the loop early sends Abandon. When the signal is aborted the loop ends at once with the signal's reason,
   * and the server is sent a Cancel (RFC 3909), if {@link readRootDse} has found it to offer that, or else Abandon.
   *
   * @throws LdapResultError - the server answers with any result code other than success.
   * @throws LdapFilterError - the filter has a syntax error.
   * @throws LdapConnectionLostError - the connection broke.
   * @throws LdapDisconnectedError - the server ended the session and gave a reason.
   * @throws LdapMessageTooLargeError - an entry is longer than `maxMessageSize`.
   * @throws LdapProtocolError - the server does not follow the protocol.
   */
  search(
    request: LdapSearchRequest,
    options: LdapSearchOptions = {},
  ): AsyncIterableIterator<readonly SearchMessage[], undefined> {
    return this.#search(request, options, (message) =>
      message.kind === "entry"
        ? { ...message, attributes: decodeAttributes(message.attributes, this.#types) }
        : message,
    );
  }

  /**
   * The same as {@link search}, for the readers of this package, which decode of an entry only what is mapped.
   *
   * @internal
   */
  searchEncoded(
    request: LdapSearchRequest,
    options: LdapSearchOptions = {},
  ): AsyncIterableIterator<readonly EncodedMessage[], undefined> {
    return this.#search(request, options, (message) => message);
  }

  /**
   * Gives back an entry that {@link searchEncoded} gave and that has been read, so that a large one to come can take
   * its place. What is a view of its bytes may not be looked at any more.
   *
   * @internal
   */
  reuse({ attributes: { bytes } }: EncodedEntry): void {
    this.#session.reuse(bytes);
  }

  /** Reads what the server says of itself (RFC 4512 §5.1). */
  async readRootDse(options: { readonly signal?: AbortSignal } = {}): Promise<RootDse> {
    const [entry] = await this.searchAll(rootDseRequest, options);
    const rootDse = readRootDse(entry?.attributes ?? []);
    this.#offersCancel = rootDse.supportedExtensions.includes(extendedOperation.cancel);
    return rootDse;
  }

  /**
   * Asks whom the server takes the client for (RFC 4532), by an authorization identity (RFC 4513 §5.2.1.8) such as
   * `dn:cn=reader,dc=example,dc=com` or `u:EXAMPLE\\reader`; it is empty for anybody.
   *
   * @throws LdapResultError - the server does not know the operation, or does not say.
   */
  async whoAmI({ signal }: { readonly signal?: AbortSignal } = {}): Promise<string> {
    const answer = this.#session.exchange("extended", encodeWhoAmI);
    const result = await (signal === undefined ? answer : orAborted(answer, signal));
    if (result.resultCode !== 0) throw new LdapResultError("question who is bound", result);
    return result.value?.toString("utf8") ?? "";
  }

  /**
   * The entries of a search that finds few.
   *
   * @internal
   */
  async searchAll(
    request: LdapSearchRequest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly SearchEntry[]> {
    const entries: SearchEntry[] = [];
    for await (const messages of this.search(request, { ...options, isAwaited: true })) {
      entries.push(...messages.filter((message) => message.kind === "entry"));
    }
    return entries;
  }

  #search<M>(
    request: LdapSearchRequest,
    options: LdapSearchOptions,
    read: (message: EncodedMessage) => M,
  ): Search<M> {
    return new Search(this.#session, request, () => this.#offersCancel, options, read);
  }

  /** Takes leave of the server and closes the connection. Searches under way end with an LdapConnectionClosedError. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Finds what is wrong with the options before anything is sent. */
function check(endpoint: Endpoint, options: ConnectOptions): void {
  checkBind(options.bind);
  const isPlain = endpoint.kind === "tcp" && !endpoint.tls;
  if (options.startTls && !isPlain) {
    throw new InvalidValueError("startTls", "It is for ldap: URLs only.");
  }
  if (options.tls !== undefined && (endpoint.kind === "socket" || (isPlain && !options.startTls))) {
    throw new InvalidValueError("tls", "It is for ldaps: URLs and for startTls only.");
  }
  if (
    options.bind?.method === "simple" &&
    isPlain &&
    !options.startTls &&
    !options.allowCleartext
  ) {
    throw new LdapCleartextError();
  }
  if (options.bind?.method === "gssapi") {
    serviceHost(endpoint, options.bind);
    const isBare = options.bind.protection === "none" && !isProtected(endpoint, options);
    if (isBare && !options.allowCleartext) throw new LdapCleartextError("gssapi");
  }
  checkPositive("connectTimeout", options.connectTimeout);
  checkPositive("maxMessageSize", options.maxMessageSize);
  checkPositive("highWaterMark", options.highWaterMark);
  if (options.probeInterval !== 0) checkPositive("probeInterval", options.probeInterval);
}

/** Whether no third party can read or change what is sent, whatever the bind. */
function isProtected(endpoint: Endpoint, { startTls }: ConnectOptions): boolean {
  return endpoint.kind === "socket" || endpoint.tls || startTls === true;
}

/** @throws InvalidValueError - the URL names no host, and the bind does not either. */
function serviceHost(endpoint: Endpoint, { host }: GssapiBind): string {
  const name = host ?? (endpoint.kind === "tcp" ? endpoint.host : "");
  if (name === "" || /[@\0]/.test(name)) {
    throw new InvalidValueError("bind.host", "The host in the name of the service is wanted.");
  }
  return name;
}

function checkPositive(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isInteger(value) && value > 0 && value <= maxInt)) {
    throw new InvalidValueError(name, `A whole number from 1 to ${maxInt} is wanted.`);
  }
}

async function openSession(
  endpoint: Endpoint,
  options: ConnectOptions,
  signal: AbortSignal,
  address: string | undefined,
): Promise<LdapSession> {
  const { bind } = options;
  const framer = new MessageFramer(
    options.maxMessageSize ?? defaults.maxMessageSize,
    options.oversized,
  );
  const sessionOptions = {
    host: describeEndpoint(endpoint),
    highWaterMark: options.highWaterMark ?? defaults.highWaterMark,
    probeInterval: options.probeInterval ?? defaults.probeInterval,
  };
  if (bind?.method === "gssapi") {
    const socket = await openSecured(endpoint, options, signal, undefined, address);
    const transport = await bindFirst(socket, endpoint, options, bind, signal);
    return new LdapSession(transport, framer, sessionOptions);
  }

  let session: LdapSession | undefined;
  const onread: OnReadOpts = {
    buffer: () => framer.room(),
    // It reads nothing before the turn in which it was connected has ended, and by then there is a session.
    callback(length) {
      session?.filled(length);
      return true;
    },
  };
  const socket = await openSecured(endpoint, options, signal, onread, address);
  session = new LdapSession(socket, framer, sessionOptions);
  if (bind === undefined) return session;
  try {
    await orAborted(authenticate(session, bind), signal);
    return session;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** A bind before there is a session, since it may change what the session is on. */
async function bindFirst(
  socket: Socket,
  endpoint: Endpoint,
  options: ConnectOptions,
  bind: GssapiBind,
  signal: AbortSignal,
): Promise<Transport> {
  const host = serviceHost(endpoint, bind);
  const required = bind.protection ?? (isProtected(endpoint, options) ? "none" : "privacy");
  try {
    return await orAborted(gssapiBind(socket, { bind, host, required, signal }), signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** @param onread - For a connection with nothing between it and the session. */
async function openSecured(
  endpoint: Endpoint,
  options: ConnectOptions,
  signal: AbortSignal,
  onread: OnReadOpts | undefined,
  address: string | undefined,
): Promise<Socket> {
  if (endpoint.kind === "socket" || !(endpoint.tls || options.startTls)) {
    return await openSocket(endpoint, signal, onread, address);
  }
  const { servername = endpoint.host, ...material } = await tlsOf(options, signal);
  // Made first, so that a key that cannot be used is found before anything is sent.
  const secureContext = secureContextOf(material);
  const socket = await openSocket(endpoint, signal, undefined, address);
  try {
    if (options.startTls) await startTls(socket, signal);
    return await secureSocket(socket, servername, secureContext, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function tlsOf({ tls = {} }: ConnectOptions, signal: AbortSignal): Promise<TlsOptions> {
  return typeof tls === "function" ? await orAborted((async () => tls())(), signal) : tls;
}

/** The promise, or a rejection with the signal's reason if that comes first. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
