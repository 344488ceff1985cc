import {
  AbandonRequest,
  BerWriter,
  BindRequest,
  ExtendedRequest,
  Control as LdaptsControl,
  SearchRequest as LdaptsSearchRequest,
  UnbindRequest,
} from "ldapts";
import { InvalidValueError } from "../../core/index.js";
import { StringFilter } from "./filter.js";
import type { Control, LdapSearchRequest } from "./message.js";

/** The greatest message id, size limit and time limit (RFC 4511 §4.1.1). */
export const maxInt = 2_147_483_647;

/** The object identifiers of the extended operations that are used here. */
export const extendedOperation = {
  /** RFC 4511 §4.14 */
  startTls: "1.3.6.1.4.1.1466.20037",
  /** RFC 3909 §2 */
  cancel: "1.3.6.1.1.8",
  /** RFC 4532 §2 */
  whoAmI: "1.3.6.1.4.1.4203.1.11.3",
} as const;

/** Encodes a SearchRequest (RFC 4511 §4.5.1) in its message. */
export function encodeSearch(messageId: number, request: LdapSearchRequest): Buffer {
  return new LdaptsSearchRequest({
    messageId,
    baseDN: request.base,
    scope: request.scope ?? "sub",
    derefAliases: "never",
    sizeLimit: checkedLimit("sizeLimit", request.sizeLimit),
    timeLimit: checkedLimit("timeLimit", request.timeLimit),
    returnAttributeValues: request.typesOnly !== true,
    filter: new StringFilter(request.filter),
    attributes: [...(request.attributes ?? [])],
    controls: (request.controls ?? []).map((control) => new RequestControl(control)),
  }).write();
}

/** Encodes a BindRequest with simple authentication (RFC 4511 §4.2). */
export function encodeSimpleBind(messageId: number, dn: string, password: string): Buffer {
  return new BindRequest({ messageId, dn, password }).write();
}

/** Encodes a BindRequest with the SASL mechanism EXTERNAL (RFC 4513 §5.2.3). */
export function encodeExternalBind(messageId: number, authorizationId: string): Buffer {
  return new BindRequest({
    messageId,
    mechanism: "EXTERNAL",
    password: authorizationId,
  }).write();
}

/** Encodes a BindRequest of a SASL mechanism whose credentials are octets (RFC 4511 §4.2). */
export function encodeSaslBind(
  messageId: number,
  mechanism: string,
  credentials: Uint8Array,
): Buffer {
  return new SaslBindRequest(messageId, mechanism, credentials).write();
}

/** Encodes the ExtendedRequest that starts TLS (RFC 4511 §4.14.1). */
export function encodeStartTls(messageId: number): Buffer {
  return new ExtendedRequest({ messageId, oid: extendedOperation.startTls }).write();
}

/** Encodes the ExtendedRequest that asks whom the server takes the client for (RFC 4532 §2.1). */
export function encodeWhoAmI(messageId: number): Buffer {
  return new ExtendedRequest({ messageId, oid: extendedOperation.whoAmI }).write();
}

/** Encodes the ExtendedRequest that cancels another request (RFC 3909 §2.1). */
export function encodeCancel(messageId: number, cancelId: number): Buffer {
  const value = new BerWriter();
  value.startSequence();
  value.writeInt(cancelId);
  value.endSequence();
  return new ExtendedRequest({
    messageId,
    oid: extendedOperation.cancel,
    value: value.buffer,
  }).write();
}

/** Encodes an AbandonRequest (RFC 4511 §4.11). */
export function encodeAbandon(messageId: number, abandonId: number): Buffer {
  return new AbandonRequest({ messageId, abandonId }).write();
}

/** Encodes an UnbindRequest (RFC 4511 §4.3). */
export function encodeUnbind(messageId: number): Buffer {
  return new UnbindRequest({ messageId }).write();
}

/** ldapts takes credentials for text, which would change the octets of a token. */
class SaslBindRequest extends BindRequest {
  readonly #mechanism: string;
  readonly #credentials: Uint8Array;

  constructor(messageId: number, mechanism: string, credentials: Uint8Array) {
    super({ messageId });
    this.#mechanism = mechanism;
    this.#credentials = credentials;
  }

  override writeMessage(writer: BerWriter): void {
    writer.writeInt(this.version);
    writer.writeString(this.dn);
    writer.startSequence(0xa3);
    writer.writeString(this.#mechanism);
    writer.writeBuffer(Buffer.from(this.#credentials), 0x04);
    writer.endSequence();
  }
}

/** A control of any kind. ldapts writes `criticality` FALSE, which RFC 4511 §5.1 wants left out. */
class RequestControl extends LdaptsControl {
  readonly #value: Uint8Array | undefined;

  constructor(control: Control) {
    super(control.oid, { critical: control.critical === true });
    this.#value = control.value;
  }

  override write(writer: BerWriter): void {
    writer.startSequence();
    writer.writeString(this.type);
    if (this.critical) writer.writeBoolean(true);
    if (this.#value !== undefined) writer.writeBuffer(Buffer.from(this.#value), 0x04);
    writer.endSequence();
  }
}

function checkedLimit(name: string, limit = 0): number {
  if (!Number.isInteger(limit) || limit < 0 || limit > maxInt) {
    throw new InvalidValueError(name, `A whole number from 0 to ${maxInt} is wanted.`);
  }
  return limit;
}
