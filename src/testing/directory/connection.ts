import { timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import { BerError, elementSize, Fields, octets, tags, toInteger } from "./ber.js";
import type { ContentSync, SyncMessage, SyncRequest } from "./content-sync.js";
import { AttributeValues, type Entry, type GivenAttribute, selectAttributes } from "./entry.js";
import { DirectoryError, ResultCode } from "./errors.js";
import { evaluate } from "./filter.js";
import {
  encodeDisconnection,
  encodeEntry,
  encodeIntermediate,
  encodeResult,
  type Operation,
  type Request,
  type Result,
  readRequest,
  responseControl,
  resultTags,
  type SearchOperation,
} from "./message.js";
import { extensions, rootDse, supportedControls } from "./root-dse.js";
import {
  encodeRefreshEnd,
  encodeSyncDone,
  encodeSyncInfo,
  encodeSyncState,
  readSyncRequest,
  syncOids,
} from "./sync-control.js";
import { type Author, normalizedDnOf, type Tree } from "./tree.js";

/** What a connection serves. */
export interface Service {
  readonly tree: Tree;
  readonly sync: ContentSync;
  readonly suffix: string;
  readonly adminDn: string;
  readonly password: string;
  readonly serverId: number;
  readonly anonymousRead: boolean;
  readonly secureContext: SecureContext | undefined;
}

/** The largest request that is read, in bytes. */
const maxRequestSize = 16 * 1024 * 1024;
/** How many searches may run at once on one connection. */
const maxSearches = 1000;

/** One client: its socket, who it is, and its searches that are not done. */
export class Connection {
  readonly #service: Service;
  readonly #searches = new Map<number, AbortController>();
  readonly #onClose: () => void;
  #socket: Socket;
  #received: Buffer[] = [];
  #receivedSize = 0;
  /** The normalised DN that is bound; empty for nobody. */
  #boundDn = "";
  #drained: Promise<void> | undefined;

  constructor(socket: Socket, service: Service, onClose: () => void) {
    this.#service = service;
    this.#onClose = onClose;
    this.#socket = socket;
    this.#attach(socket);
  }

  /** Closes the connection at once, without notice, as a server that ends does. */
  destroy(): void {
    this.#socket.destroy();
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", this.#receive);
    // A client that goes away without a word is no error here.
    socket.on("error", () => socket.destroy());
    socket.on("close", this.#close);
  }

  readonly #close = (): void => {
    for (const search of this.#searches.values()) search.abort("closed");
    this.#searches.clear();
    this.#onClose();
  };

  readonly #receive = (chunk: Buffer): void => {
    this.#received.push(chunk);
    this.#receivedSize += chunk.length;
    try {
      for (let encoded = this.#nextMessage(); encoded; encoded = this.#nextMessage()) {
        this.#handle(readRequest(encoded));
      }
    } catch (error) {
      if (!(error instanceof BerError)) throw error;
      this.#disconnect({ resultCode: ResultCode.protocolError, message: error.message });
    }
  };

  /** Takes the next whole message from what was received. */
  #nextMessage(): Buffer | undefined {
    const [first] = this.#received;
    if (first === undefined) return undefined;
    const header = first.length >= 6 ? first : Buffer.concat(this.#received);
    const size = elementSize(header);
    if (size === undefined) return undefined;
    if (header[0] !== tags.sequence) throw new BerError("A message is a SEQUENCE.");
    if (size > maxRequestSize) throw new BerError("The message is too large.");
    if (this.#receivedSize < size) return undefined;
    const all = this.#received.length === 1 ? first : Buffer.concat(this.#received);
    const rest = all.subarray(size);
    this.#received = rest.length > 0 ? [rest] : [];
    this.#receivedSize = rest.length;
    return all.subarray(0, size);
  }

  /** Every byte that the client gets passes here. Resolves when the client can take more. */
  #send(encoded: Buffer): Promise<void> | undefined {
    const socket = this.#socket;
    if (socket.destroyed || socket.write(encoded)) return undefined;
    this.#drained ??= new Promise((resolve) => {
      const resume = () => {
        socket.off("drain", resume);
        socket.off("close", resume);
        this.#drained = undefined;
        resolve();
      };
      socket.on("drain", resume);
      socket.on("close", resume);
    });
    return this.#drained;
  }

  #disconnect(result: Result): void {
    this.#socket.end(encodeDisconnection(result));
    this.#socket.off("data", this.#receive);
    this.#socket.resume();
  }

  #handle(request: Request): void {
    const { messageId, operation } = request;
    switch (operation.kind) {
      case "unbind":
        this.#socket.end();
        return;
      case "abandon":
        this.#searches.get(operation.messageId)?.abort("abandoned");
        return;
      case "search":
        void this.#search(request, operation);
        return;
      case "extended":
        this.#extended(messageId, operation);
        return;
    }
    let result: Result = { resultCode: ResultCode.success };
    try {
      checkControls(request);
      result = this.#perform(operation) ?? result;
    } catch (error) {
      result = resultOf(error);
    }
    void this.#send(encodeResult(messageId, resultTags[operation.kind], result));
  }

  #perform(
    operation: Exclude<Operation, { kind: "unbind" | "abandon" | "search" | "extended" }>,
  ): Result | undefined {
    const { tree } = this.#service;
    switch (operation.kind) {
      case "bind":
        this.#bind(operation);
        return undefined;
      case "add":
        tree.add(operation.dn, operation.attributes, this.#author());
        return undefined;
      case "modify":
        tree.modify(operation.dn, operation.modifications, this.#author());
        return undefined;
      case "modifyDn":
        tree.rename(operation.dn, operation, this.#author());
        return undefined;
      case "delete":
        tree.delete(operation.dn, this.#author());
        return undefined;
      case "compare":
        return this.#compare(operation);
    }
  }

  #bind(operation: Extract<Operation, { kind: "bind" }>): void {
    this.#boundDn = "";
    if (operation.version !== 3) {
      throw new DirectoryError(ResultCode.protocolError, "only version 3 is spoken");
    }
    if (operation.password === undefined) {
      throw new DirectoryError(ResultCode.authMethodNotSupported, "only simple bind is offered");
    }
    const dn = normalizedDnOf(operation.dn);
    if (operation.password.length === 0) {
      if (dn === "") return;
      // RFC 4513 §5.1.2: a client that forgot the password must not believe that it is known.
      throw new DirectoryError(
        ResultCode.unwillingToPerform,
        "unauthenticated bind (DN with no password) disallowed",
      );
    }
    const { adminDn, password, tree } = this.#service;
    const passwords =
      dn === normalizedDnOf(adminDn)
        ? [Buffer.from(password)]
        : (tree.get(dn)?.attributes.get("userpassword")?.values ?? []);
    const given = operation.password;
    if (
      !passwords.some((known) => known.length === given.length && timingSafeEqual(known, given))
    ) {
      throw new DirectoryError(ResultCode.invalidCredentials, "");
    }
    this.#boundDn = dn;
  }

  #isAdmin(): boolean {
    return this.#boundDn === normalizedDnOf(this.#service.adminDn);
  }

  /** Who writes, if this client may: only the administrator does. */
  #author(): Author {
    if (this.#boundDn === "") {
      throw new DirectoryError(
        ResultCode.strongerAuthRequired,
        "modifications require authentication",
      );
    }
    if (!this.#isAdmin()) throw new DirectoryError(ResultCode.insufficientAccessRights, "");
    return { dn: this.#service.adminDn, serverId: this.#service.serverId };
  }

  #checkMayRead(): void {
    if (this.#boundDn === "" && !this.#service.anonymousRead) {
      throw new DirectoryError(ResultCode.strongerAuthRequired, "authentication required");
    }
  }

  #compare(operation: Extract<Operation, { kind: "compare" }>): Result {
    this.#checkMayRead();
    const { tree } = this.#service;
    const entry = tree.resolve(operation.dn);
    const { type, value } = operation;
    const isKnown = (key: string) => tree.isKnown(key);
    const present = evaluate({ kind: "present", type }, entry, isKnown);
    if (present === undefined) {
      throw new DirectoryError(
        ResultCode.undefinedAttributeType,
        `${type}: attribute type undefined`,
      );
    }
    if (!present) throw new DirectoryError(ResultCode.noSuchAttribute, "");
    const equal = evaluate({ kind: "equal", type, value }, entry, isKnown);
    if (equal === undefined) throw new DirectoryError(ResultCode.invalidAttributeSyntax, "");
    return { resultCode: equal ? ResultCode.compareTrue : ResultCode.compareFalse };
  }

  #extended(messageId: number, operation: Extract<Operation, { kind: "extended" }>): void {
    const reply = (result: Result, more: readonly Buffer[] = []) =>
      void this.#send(encodeResult(messageId, resultTags.extended, result, more));
    const success = { resultCode: ResultCode.success };
    switch (operation.oid) {
      case extensions.whoAmI: {
        const identity = this.#boundDn === "" ? "" : `dn:${this.#boundDn}`;
        reply(success, [octets(identity, 0x8b)]);
        return;
      }
      case extensions.cancel:
        reply(this.#cancel(operation.value));
        return;
      case extensions.startTls:
        if (this.#service.secureContext === undefined || this.#socket instanceof TLSSocket) {
          reply({ resultCode: ResultCode.protocolError, message: "TLS is not offered here" });
          return;
        }
        reply(success, [octets(extensions.startTls, 0x8a)]);
        this.#startTls(this.#service.secureContext);
        return;
      default:
        reply({
          resultCode: ResultCode.protocolError,
          message: "unsupported extended operation",
        });
    }
  }

  /** RFC 3909: the operation that is cancelled answers first. */
  #cancel(value: Buffer | undefined): Result {
    const target = toInteger(
      new Fields(new Fields(value ?? Buffer.alloc(0)).take(tags.sequence)).take(tags.integer),
    );
    const search = this.#searches.get(target);
    if (search === undefined) {
      return { resultCode: ResultCode.noSuchOperation, message: "message ID not found" };
    }
    this.#searches.delete(target);
    search.abort("canceled");
    void this.#send(encodeResult(target, resultTags.search, { resultCode: ResultCode.canceled }));
    return { resultCode: ResultCode.success };
  }

  #startTls(secureContext: SecureContext): void {
    const plain = this.#socket;
    plain.removeAllListeners("data");
    plain.removeAllListeners("close");
    this.#attach(new TLSSocket(plain, { isServer: true, secureContext }));
  }

  async #search(request: Request, operation: SearchOperation): Promise<void> {
    const { messageId } = request;
    const abort = new AbortController();
    let result: Result;
    let controls: readonly Buffer[] = [];
    try {
      if (this.#searches.size >= maxSearches) {
        throw new DirectoryError(ResultCode.busy, "too many searches on one connection");
      }
      this.#searches.set(messageId, abort);
      checkControls(request);
      const sync = request.controls.find(({ oid }) => oid === syncOids.request);
      if (operation.base === "" && operation.scope === "base" && sync === undefined) {
        await this.#searchRootDse(messageId, operation);
      } else {
        this.#checkMayRead();
        controls =
          sync === undefined
            ? await this.#searchTree(messageId, operation, abort.signal)
            : await this.#synchronize(messageId, operation, readSync(sync.value), abort.signal);
      }
      result = { resultCode: ResultCode.success };
    } catch (error) {
      result = resultOf(error);
    }
    // An abandoned search has no answer, and a cancelled one has had it.
    if (abort.signal.aborted) {
      if (abort.signal.reason === "abandoned") this.#searches.delete(messageId);
      return;
    }
    this.#searches.delete(messageId);
    void this.#send(encodeResult(messageId, resultTags.search, result, [], controls));
  }

  async #searchRootDse(messageId: number, operation: SearchOperation): Promise<void> {
    const all = rootDse({
      suffix: this.#service.suffix,
      offersTls: this.#service.secureContext !== undefined,
    });
    const selected = selectAttributes(all, operation.attributes, operation.typesOnly);
    await this.#send(encodeEntry(messageId, "", selected));
  }

  async #searchTree(
    messageId: number,
    operation: SearchOperation,
    signal: AbortSignal,
  ): Promise<readonly Buffer[]> {
    const { tree } = this.#service;
    const base = tree.resolve(operation.base).normalizedDn;
    let sent = 0;
    for (const entry of tree.search(base, operation.scope)) {
      if (evaluate(operation.filter, entry, (key) => tree.isKnown(key)) !== true) continue;
      if (operation.sizeLimit > 0 && sent === operation.sizeLimit) {
        throw new DirectoryError(ResultCode.sizeLimitExceeded, "");
      }
      sent++;
      await this.#send(encodeEntry(messageId, entry.dn, this.#select(entry, operation)));
      if (signal.aborted) break;
    }
    return [];
  }

  #select(entry: Entry, { attributes, typesOnly }: SearchOperation): GivenAttribute[] {
    return selectAttributes(this.#readable(entry), attributes, typesOnly);
  }

  /** The attributes that this client may see: only the administrator sees passwords. */
  *#readable(entry: Entry): Generator<AttributeValues> {
    const isAdmin = this.#isAdmin();
    for (const attribute of entry.all()) {
      if (isAdmin || attribute.description !== "userPassword") yield attribute;
    }
    yield textAttribute("subschemaSubentry", "cn=Subschema");
    yield textAttribute(
      "hasSubordinates",
      this.#service.tree.hasChildren(entry) ? "TRUE" : "FALSE",
    );
    if (entry.normalizedDn === this.#service.tree.suffix) {
      const csns = [...this.#service.sync.contextCsns.values()];
      yield new AttributeValues(
        "contextCSN",
        csns.map((csn) => Buffer.from(csn)),
      );
    }
  }

  /** RFC 4533: the refresh, and then the changes for as long as the client wants them. */
  async #synchronize(
    messageId: number,
    operation: SearchOperation,
    request: SyncRequest,
    signal: AbortSignal,
  ): Promise<readonly Buffer[]> {
    const { sync, tree } = this.#service;
    if (operation.derefAliases > 1) {
      throw new DirectoryError(ResultCode.protocolError, "illegal value for derefAliases");
    }
    const base = normalizedDnOf(operation.base);
    if (request.mode === "refreshOnly") tree.resolve(operation.base);
    else if (!tree.get(base)) throw new DirectoryError(ResultCode.noSuchObject, "");
    const content = { base, scope: operation.scope, filter: operation.filter };
    // Both are determined now, with no write between, so that no change is missed and none is sent twice.
    const refresh = sync.refresh(content, request);
    await using live =
      request.mode === "refreshAndPersist" ? sync.follow(content, request) : undefined;
    let sent = 0;
    for (const message of refresh.messages) {
      if (message.kind === "entry" && operation.sizeLimit > 0 && ++sent > operation.sizeLimit) {
        throw new DirectoryError(ResultCode.sizeLimitExceeded, "");
      }
      await this.#send(this.#encodeSync(messageId, operation, message));
      if (signal.aborted) return [];
    }
    if (live === undefined) return [responseControl(syncOids.done, encodeSyncDone(refresh))];
    await this.#send(encodeIntermediate(messageId, syncOids.info, encodeRefreshEnd(refresh)));
    for await (const message of live.messages(signal)) {
      await this.#send(this.#encodeSync(messageId, operation, message));
    }
    return [];
  }

  #encodeSync(messageId: number, operation: SearchOperation, message: SyncMessage): Buffer {
    if (message.kind !== "entry") {
      return encodeIntermediate(messageId, syncOids.info, encodeSyncInfo(message));
    }
    const { entry, state } = message;
    const attributes = state === "delete" ? [] : this.#select(entry, operation);
    return encodeEntry(messageId, entry.dn, attributes, [
      responseControl(syncOids.state, encodeSyncState(message)),
    ]);
  }
}

function textAttribute(name: string, value: string): AttributeValues {
  return new AttributeValues(name, [Buffer.from(value)]);
}

function readSync(value: Buffer | undefined): SyncRequest {
  try {
    return readSyncRequest(value ?? Buffer.alloc(0));
  } catch (error) {
    if (!(error instanceof BerError)) throw error;
    throw new DirectoryError(ResultCode.protocolError, `Sync control: ${error.message}`);
  }
}

function checkControls({ controls, operation }: Request): void {
  for (const { oid, critical } of controls) {
    const applies = oid !== syncOids.request || operation.kind === "search";
    if (critical && !(supportedControls.includes(oid) && applies)) {
      throw new DirectoryError(
        ResultCode.unavailableCriticalExtension,
        "critical extension is not recognized",
      );
    }
  }
}

function resultOf(error: unknown): Result {
  if (!(error instanceof DirectoryError)) throw error;
  return { resultCode: error.resultCode, matchedDn: error.matchedDn, message: error.message };
}
