import {
  BerError,
  type Element,
  element,
  elements,
  enumerated,
  Fields,
  integer,
  octets,
  sequence,
  tags,
  toBoolean,
  toInteger,
} from "../ber.js";
import type { GivenAttribute, Scope } from "../entries/entry.js";
import { type Filter, readFilter } from "../entries/filter.js";
import type { Modification } from "../entries/modify.js";

/** A control of a request. RFC 4511 §4.1.11 */
export interface RequestControl {
  readonly oid: string;
  readonly critical: boolean;
  readonly value?: Buffer;
}

/** The parameters of a search. RFC 4511 §4.5.1 */
export interface SearchOperation {
  readonly kind: "search";
  readonly base: string;
  readonly scope: Scope;
  /** 0 to 3. There are no aliases here, but the Sync Operation refuses some (RFC 4533 §3.5.2). */
  readonly derefAliases: number;
  /** How many entries the client wants at most; 0 for all. */
  readonly sizeLimit: number;
  readonly typesOnly: boolean;
  readonly filter: Filter;
  readonly attributes: readonly string[];
}

/** What a client asks for. RFC 4511 §4.2 to §4.12 */
export type ProtocolOp =
  | {
      readonly kind: "bind";
      readonly version: number;
      readonly dn: string;
      /** Absent where the client wants SASL. */
      readonly password?: Buffer;
    }
  | { readonly kind: "unbind" }
  | { readonly kind: "abandon"; readonly messageId: number }
  | SearchOperation
  | { readonly kind: "add"; readonly dn: string; readonly attributes: readonly GivenAttribute[] }
  | {
      readonly kind: "modify";
      readonly dn: string;
      readonly modifications: readonly Modification[];
    }
  | {
      readonly kind: "modifyDn";
      readonly dn: string;
      readonly newRdn: string;
      readonly deleteOldRdn: boolean;
      readonly newSuperior?: string;
    }
  | { readonly kind: "delete"; readonly dn: string }
  | { readonly kind: "compare"; readonly dn: string; readonly type: string; readonly value: Buffer }
  | { readonly kind: "extended"; readonly oid: string; readonly value?: Buffer };

/** A message of a client. RFC 4511 §4.1.1 */
export interface Request {
  readonly messageId: number;
  readonly operation: ProtocolOp;
  readonly controls: readonly RequestControl[];
}

/**
 * Reads a message from its whole encoding.
 *
 * @throws {BerError} where the bytes are no such message.
 */
export function readRequest(encoded: Buffer): Request {
  const fields = new Fields(new Fields(encoded).take(tags.sequence));
  const messageId = toInteger(fields.take(tags.integer));
  const operation = readOperation(fields.any());
  const controls = fields.optional(0xa0);
  return {
    messageId,
    operation,
    controls: controls === undefined ? [] : elements(controls).map(readControl),
  };
}

function readControl({ content }: Element): RequestControl {
  const fields = new Fields(content);
  const oid = fields.take(tags.octets).toString();
  const critical = fields.optional(tags.boolean);
  const value = fields.optional(tags.octets);
  return {
    oid,
    critical: critical !== undefined && toBoolean(critical),
    ...(value === undefined ? {} : { value }),
  };
}

/** The tags of the requests. */
const requestTags = {
  bind: 0x60,
  unbind: 0x42,
  search: 0x63,
  modify: 0x66,
  add: 0x68,
  delete: 0x4a,
  modifyDn: 0x6c,
  compare: 0x6e,
  abandon: 0x50,
  extended: 0x77,
} as const;

function readOperation({ tag, content }: Element): ProtocolOp {
  switch (tag) {
    case requestTags.bind:
      return readBind(content);
    case requestTags.unbind:
      return { kind: "unbind" };
    case requestTags.search:
      return readSearch(content);
    case requestTags.modify:
      return readModify(content);
    case requestTags.add: {
      const fields = new Fields(content);
      const dn = fields.take(tags.octets).toString();
      const attributes = elements(fields.take(tags.sequence)).map(readAttribute);
      return { kind: "add", dn, attributes };
    }
    case requestTags.delete:
      return { kind: "delete", dn: content.toString() };
    case requestTags.modifyDn:
      return readModifyDn(content);
    case requestTags.compare: {
      const fields = new Fields(content);
      const dn = fields.take(tags.octets).toString();
      const assertion = new Fields(fields.take(tags.sequence));
      const type = assertion.take(tags.octets).toString();
      return { kind: "compare", dn, type, value: assertion.take(tags.octets) };
    }
    case requestTags.abandon:
      return { kind: "abandon", messageId: toInteger(content) };
    case requestTags.extended: {
      const fields = new Fields(content);
      const oid = fields.take(0x80).toString();
      const value = fields.optional(0x81);
      return { kind: "extended", oid, ...(value === undefined ? {} : { value }) };
    }
    default:
      throw new BerError(`There is no request with the tag ${tag}.`);
  }
}

function readBind(content: Buffer): ProtocolOp {
  const fields = new Fields(content);
  const version = toInteger(fields.take(tags.integer));
  const dn = fields.take(tags.octets).toString();
  const password = fields.optional(0x80);
  return { kind: "bind", version, dn, ...(password === undefined ? {} : { password }) };
}

const scopes: readonly Scope[] = ["base", "one", "sub"];

function readSearch(content: Buffer): SearchOperation {
  const fields = new Fields(content);
  const base = fields.take(tags.octets).toString();
  const scope = scopes[toInteger(fields.take(tags.enumerated))];
  if (scope === undefined) throw new BerError("The scope is not one of RFC 4511.");
  const derefAliases = toInteger(fields.take(tags.enumerated));
  const sizeLimit = toInteger(fields.take(tags.integer));
  fields.take(tags.integer); // timeLimit: no search takes a second
  const typesOnly = toBoolean(fields.take(tags.boolean));
  const filter = readFilter(fields.any());
  const attributes = elements(fields.take(tags.sequence)).map(({ content }) => content.toString());
  return { kind: "search", base, scope, derefAliases, sizeLimit, typesOnly, filter, attributes };
}

function readAttribute({ content }: Element): GivenAttribute {
  const fields = new Fields(content);
  const type = fields.take(tags.octets).toString();
  const values = elements(fields.take(tags.set)).map((value) => value.content);
  return { type, values };
}

const modifyOperations: readonly Modification["operation"][] = ["add", "delete", "replace"];

function readModify(content: Buffer): ProtocolOp {
  const fields = new Fields(content);
  const dn = fields.take(tags.octets).toString();
  const modifications = elements(fields.take(tags.sequence)).map(({ content }) => {
    const change = new Fields(content);
    const operation = modifyOperations[toInteger(change.take(tags.enumerated))];
    if (operation === undefined) throw new BerError("The modification is not one of RFC 4511.");
    return { operation, attribute: readAttribute(change.any()) };
  });
  return { kind: "modify", dn, modifications };
}

function readModifyDn(content: Buffer): ProtocolOp {
  const fields = new Fields(content);
  const dn = fields.take(tags.octets).toString();
  const newRdn = fields.take(tags.octets).toString();
  const deleteOldRdn = toBoolean(fields.take(tags.boolean));
  const newSuperior = fields.optional(0x80)?.toString();
  return {
    kind: "modifyDn",
    dn,
    newRdn,
    deleteOldRdn,
    ...(newSuperior === undefined ? {} : { newSuperior }),
  };
}

/** The tags of the responses that carry a result. */
export const resultTags = {
  bind: 0x61,
  search: 0x65,
  modify: 0x67,
  add: 0x69,
  delete: 0x6b,
  modifyDn: 0x6d,
  compare: 0x6f,
  extended: 0x78,
} as const;

/** How an operation ended. RFC 4511 §4.1.9 */
export interface Result {
  readonly resultCode: number;
  readonly matchedDn?: string;
  readonly message?: string;
}

/** Encodes a control of a response. */
export function responseControl(oid: string, value: Uint8Array): Buffer {
  return sequence(octets(oid), octets(value));
}

function message(messageId: number, operation: Buffer, controls: readonly Buffer[]): Buffer {
  const list = controls.length === 0 ? [] : [element(0xa0, ...controls)];
  return sequence(integer(messageId), operation, ...list);
}

/** Encodes the response that ends an operation; `more` are the fields that the kind of response has besides. */
export function encodeResult(
  messageId: number,
  tag: number,
  result: Result,
  more: readonly Buffer[] = [],
  controls: readonly Buffer[] = [],
): Buffer {
  const fields = [
    enumerated(result.resultCode),
    octets(result.matchedDn ?? ""),
    octets(result.message ?? ""),
    ...more,
  ];
  return message(messageId, element(tag, ...fields), controls);
}

/** Encodes a SearchResultEntry. RFC 4511 §4.5.2 */
export function encodeEntry(
  messageId: number,
  dn: string,
  attributes: readonly GivenAttribute[],
  controls: readonly Buffer[] = [],
): Buffer {
  const list = attributes.map(({ type, values }) =>
    sequence(octets(type), element(tags.set, ...values.map((value) => octets(value)))),
  );
  return message(messageId, element(0x64, octets(dn), sequence(...list)), controls);
}

/** Encodes an IntermediateResponse. RFC 4511 §4.13 */
export function encodeIntermediate(messageId: number, oid: string, value: Uint8Array): Buffer {
  return message(messageId, element(0x79, octets(oid, 0x80), octets(value, 0x81)), []);
}

/** Encodes the notice that the server closes the connection. RFC 4511 §4.4.1 */
export function encodeDisconnection(result: Result): Buffer {
  return encodeResult(0, resultTags.extended, result, [octets("1.3.6.1.4.1.1466.20036", 0x8a)]);
}
