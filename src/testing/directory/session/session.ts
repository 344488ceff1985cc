import { timingSafeEqual } from "node:crypto";
import type { SecureContext } from "node:tls";
import { Fields, octets, tags, toInteger } from "../ber.js";
import { evaluate } from "../entries/filter.js";
import { isPassword } from "../entries/schema.js";
import { type Author, normalizedDnOf } from "../entries/tree.js";
import { DirectoryError, ResultCode } from "../errors.js";
import type { Stage } from "../planned-faults.js";
import { syncOids } from "../sync/control.js";
import {
  encodeResult,
  type ProtocolOp,
  type Request,
  type Result,
  resultTags,
  type SearchOperation,
} from "./message.js";
import { domainControls, extensions, supportedControls } from "./root-dse.js";
import { answerSearch } from "./search.js";
import type { Service } from "./service.js";

/** How a session reaches its client. */
export interface Channel {
  /** Sends a message. Resolves when the client can take more. */
  send(encoded: Buffer, stage?: Stage): Promise<void> | undefined;
  isSecure(): boolean;
  startTls(secureContext: SecureContext): void;
  end(): void;
}

/** How many searches may run at once in one session. */
const maxSearches = 1000;

const success: Result = { resultCode: ResultCode.success };

/** One client: who it is, what it may do, and its searches that are not done. RFC 4511 §4 */
export class ClientSession {
  readonly #service: Service;
  readonly #channel: Channel;
  readonly #adminDn: string;
  readonly #searches = new Map<number, AbortController>();
  readonly #notifications = new Set<object>();
  /** The normalised DN that is bound; empty for an anonymous client. */
  #boundDn = "";

  constructor(service: Service, channel: Channel) {
    this.#service = service;
    this.#channel = channel;
    this.#adminDn = normalizedDnOf(service.adminDn);
  }

  /** Ends all searches. */
  close(): void {
    for (const search of this.#searches.values()) search.abort();
    this.#searches.clear();
  }

  /** Answers a request. */
  handle(request: Request): void {
    const { messageId, operation } = request;
    switch (operation.kind) {
      case "unbind":
        this.#channel.end();
        return;
      case "abandon":
        this.#stopSearch(operation.messageId);
        return;
      case "search":
        void this.#search(request, operation);
        return;
      case "extended":
        this.#extended(messageId, operation);
        return;
    }
    let result: Result;
    try {
      checkControls(request);
      result = this.#perform(operation) ?? success;
    } catch (error) {
      result = resultOf(error);
    }
    void this.#channel.send(encodeResult(messageId, resultTags[operation.kind], result));
  }

  #perform(
    operation: Exclude<ProtocolOp, { kind: "unbind" | "abandon" | "search" | "extended" }>,
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

  #bind(operation: Extract<ProtocolOp, { kind: "bind" }>): void {
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
    const passwords =
      dn === this.#adminDn
        ? [Buffer.from(this.#service.password)]
        : (this.#service.tree.get(dn)?.attributes.get("userpassword")?.values ?? []);
    const given = operation.password;
    if (!passwords.some((known) => isEqual(known, given))) {
      throw new DirectoryError(ResultCode.invalidCredentials, "");
    }
    this.#boundDn = dn;
  }

  /** Who writes, if this client may: only the administrator does. */
  #author(): Author {
    if (this.#boundDn === "") {
      throw new DirectoryError(
        ResultCode.strongerAuthRequired,
        "modifications require authentication",
      );
    }
    if (this.#boundDn !== this.#adminDn) {
      throw new DirectoryError(ResultCode.insufficientAccessRights, "");
    }
    return { dn: this.#service.adminDn, serverId: this.#service.serverId };
  }

  #checkMayRead(): void {
    if (this.#boundDn === "" && !this.#service.anonymousRead) {
      throw new DirectoryError(ResultCode.strongerAuthRequired, "authentication required");
    }
  }

  #compare({ dn, type, value }: Extract<ProtocolOp, { kind: "compare" }>): Result {
    this.#checkMayRead();
    const { tree } = this.#service;
    const entry = tree.resolve(dn);
    if (isPassword(type) && this.#boundDn !== this.#adminDn) {
      throw new DirectoryError(ResultCode.insufficientAccessRights, "");
    }
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

  #extended(messageId: number, operation: Extract<ProtocolOp, { kind: "extended" }>): void {
    const reply = (result: Result, more: readonly Buffer[] = []) =>
      void this.#channel.send(encodeResult(messageId, resultTags.extended, result, more));
    switch (operation.oid) {
      case extensions.whoAmI: {
        const identity = this.#boundDn === "" ? "" : `dn:${this.#boundDn}`;
        reply(success, [octets(identity, 0x8b)]);
        return;
      }
      case extensions.cancel:
        reply(this.#cancel(operation.value));
        return;
      case extensions.startTls: {
        const { secureContext } = this.#service;
        const refusal = this.#whyNoTls();
        reply(refusal ?? success, [octets(extensions.startTls, 0x8a)]);
        if (refusal === undefined && secureContext) this.#channel.startTls(secureContext);
        return;
      }
      default:
        reply({
          resultCode: ResultCode.protocolError,
          message: "unsupported extended operation",
        });
    }
  }

  /** RFC 4511 §4.14.2 */
  #whyNoTls(): Result | undefined {
    if (this.#service.secureContext === undefined) {
      return { resultCode: ResultCode.protocolError, message: "TLS is not offered here" };
    }
    if (this.#channel.isSecure()) {
      return { resultCode: ResultCode.operationsError, message: "TLS already started" };
    }
    if (this.#searches.size > 0) {
      const message = "cannot start TLS when operations are outstanding";
      return { resultCode: ResultCode.operationsError, message };
    }
    return undefined;
  }

  /** RFC 3909: the operation that is cancelled answers first. */
  #cancel(value: Buffer | undefined): Result {
    const cancelId = new Fields(new Fields(value ?? Buffer.alloc(0)).take(tags.sequence));
    const target = toInteger(cancelId.take(tags.integer));
    if (!this.#stopSearch(target)) {
      return { resultCode: ResultCode.noSuchOperation, message: "message ID not found" };
    }
    const canceled = { resultCode: ResultCode.canceled };
    void this.#channel.send(encodeResult(target, resultTags.search, canceled));
    return success;
  }

  /** Stops a search without a response, if it is not done. */
  #stopSearch(messageId: number): boolean {
    this.#searches.get(messageId)?.abort();
    return this.#searches.delete(messageId);
  }

  async #search(request: Request, operation: SearchOperation): Promise<void> {
    const { messageId } = request;
    const abort = new AbortController();
    let result: Result;
    let controls: readonly Buffer[] = [];
    const stage = request.controls.some(({ oid }) => oid === syncOids.request)
      ? "refresh"
      : undefined;
    try {
      if (this.#searches.size >= maxSearches) {
        throw new DirectoryError(ResultCode.busy, "too many searches at once");
      }
      if (this.#searches.has(messageId)) {
        throw new DirectoryError(ResultCode.protocolError, "the message ID is in use");
      }
      this.#searches.set(messageId, abort);
      checkControls(request, this.#service.domain === undefined ? [] : domainControls);
      // The root DSE is there for every client, so that a client can find out how to bind.
      if (operation.base !== "" || operation.scope !== "base") this.#checkMayRead();
      controls = await answerSearch(operation, request.controls, {
        service: this.#service,
        messageId,
        seesPasswords: this.#boundDn === this.#adminDn,
        boundDn: this.#boundDn,
        notifications: this.#notifications,
        signal: abort.signal,
        send: (encoded, stage) => this.#channel.send(encoded, stage),
      });
      result = success;
    } catch (error) {
      result = resultOf(error);
    }
    // An abandoned search has no response, and a cancelled one has had it.
    if (abort.signal.aborted) return;
    if (this.#searches.get(messageId) === abort) this.#searches.delete(messageId);
    const done = encodeResult(messageId, resultTags.search, result, [], controls);
    void this.#channel.send(done, stage);
  }
}

function isEqual(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function checkControls({ controls, operation }: Request, more: readonly string[] = []): void {
  for (const { oid, critical } of controls) {
    const applies = oid !== syncOids.request || operation.kind === "search";
    const isKnown = supportedControls.includes(oid) || more.includes(oid);
    if (critical && !(isKnown && applies)) {
      throw new DirectoryError(
        ResultCode.unavailableCriticalExtension,
        "critical extension is not recognized",
      );
    }
  }
}

function resultOf(error: unknown): Result {
  if (!(error instanceof DirectoryError)) {
    return { resultCode: ResultCode.other, message: String(error) };
  }
  return { resultCode: error.resultCode, matchedDn: error.matchedDn, message: error.message };
}
