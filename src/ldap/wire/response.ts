import { BerReader, Tag } from "./ber.js";
import { checkAttributes } from "./entry-attributes.js";
import { LdapProtocolError, type ResultDetails } from "./errors.js";
import type {
  Control,
  EncodedEntry,
  IntermediateResponse,
  OversizedEntry,
  SearchReference,
} from "./message.js";

/** The final answer to an operation (RFC 4511 §4.1.9, and §4.12 for extended operations). */
export interface OperationResult extends ResultDetails {
  readonly kind: "result";
  readonly operation: "bind" | "search" | "extended";
  /** The `responseName` of an extended response. */
  readonly oid?: string;
  /** The `responseValue` of an extended response, as a view of the bytes that were read. */
  readonly value?: Buffer;
  /** The challenge of a bind response (RFC 4511 §4.2.2), as a view of the bytes that were read. */
  readonly serverCredentials?: Buffer;
}

/** Whatever a server can send as an answer to the requests that we make. */
export type Response =
  | EncodedEntry
  | OversizedEntry
  | SearchReference
  | IntermediateResponse
  | OperationResult;

/** A response, and the message id of the request that it answers; 0 for an unsolicited notification. */
export interface ResponseMessage {
  readonly id: number;
  readonly response: Response;
}

const bindResponse = 0x61;
const searchResultEntry = 0x64;
const searchResultDone = 0x65;
const searchResultReference = 0x73;
const extendedResponse = 0x78;
const intermediateResponse = 0x79;
const messageControls = 0xa0;

const noControls: readonly Control[] = [];
const noUrls: readonly string[] = [];

/**
 * Decodes the LDAPMessage (RFC 4511 §4.1.1) that `bytes` holds from `start` to before `end`. Views of `bytes` are part
 * of the result.
 */
export function decodeResponse(bytes: Buffer, start: number, end: number): ResponseMessage {
  const reader = new BerReader(bytes, start);
  const messageEnd = reader.enter(Tag.sequence, end);
  const id = reader.readInteger(messageEnd);
  if (id < 0) throw new LdapProtocolError("a message id is negative");
  const tag = reader.peek(messageEnd);
  if (tag === undefined) throw new LdapProtocolError("a message has no operation");
  const operationEnd = reader.enter(tag, messageEnd);
  switch (tag) {
    case searchResultEntry: {
      const dn = reader.readText(operationEnd);
      const attributes = checkAttributes(bytes, reader, operationEnd);
      const controls = readControls(reader, messageEnd);
      return { id, response: { kind: "entry", dn, attributes, controls } };
    }
    case searchResultReference: {
      const urls = readUrls(reader, operationEnd);
      readControls(reader, messageEnd);
      return { id, response: { kind: "reference", urls } };
    }
    case intermediateResponse: {
      const oid =
        reader.peek(operationEnd) === 0x80 ? reader.readText(operationEnd, 0x80) : undefined;
      const value =
        reader.peek(operationEnd) === 0x81 ? reader.readOctets(operationEnd, 0x81) : undefined;
      reader.skipTo(operationEnd);
      const controls = readControls(reader, messageEnd);
      return {
        id,
        response: {
          kind: "intermediate",
          ...(oid !== undefined && { oid }),
          ...(value !== undefined && { value }),
          controls,
        },
      };
    }
    case searchResultDone:
      return { id, response: readResult("search", reader, operationEnd, messageEnd) };
    case bindResponse:
      return { id, response: readResult("bind", reader, operationEnd, messageEnd) };
    case extendedResponse:
      return { id, response: readResult("extended", reader, operationEnd, messageEnd) };
    default:
      throw new LdapProtocolError("it sent an operation that is no answer to any request");
  }
}

function readResult(
  operation: OperationResult["operation"],
  reader: BerReader,
  end: number,
  messageEnd: number,
): OperationResult {
  const resultCode = reader.readInteger(end, Tag.enumerated);
  const matchedDn = reader.readText(end);
  const diagnosticMessage = reader.readProse(end);
  let referrals = noUrls;
  let oid: string | undefined;
  let value: Buffer | undefined;
  let serverCredentials: Buffer | undefined;
  while (reader.offset < end) {
    const tag = reader.peek(end);
    if (tag === 0xa3) referrals = readUrls(reader, reader.enter(0xa3, end));
    else if (tag === 0x8a && operation === "extended") oid = reader.readText(end, 0x8a);
    else if (tag === 0x8b && operation === "extended") value = reader.readOctets(end, 0x8b);
    else if (tag === 0x87 && operation === "bind") {
      serverCredentials = reader.readOctets(end, 0x87);
    } else reader.skip(end);
  }
  const controls = readControls(reader, messageEnd);
  return {
    kind: "result",
    operation,
    resultCode,
    matchedDn,
    diagnosticMessage,
    referrals,
    ...(oid !== undefined && { oid }),
    ...(value !== undefined && { value }),
    ...(serverCredentials !== undefined && { serverCredentials }),
    controls,
  };
}

function readUrls(reader: BerReader, end: number): readonly string[] {
  const urls: string[] = [];
  while (reader.offset < end) urls.push(reader.readText(end));
  return urls;
}

function readControls(reader: BerReader, messageEnd: number): readonly Control[] {
  if (reader.offset === messageEnd) return noControls;
  let controls: Control[] | undefined;
  while (reader.offset < messageEnd) {
    if (reader.peek(messageEnd) !== messageControls) {
      reader.skip(messageEnd);
      continue;
    }
    const end = reader.enter(messageControls, messageEnd);
    while (reader.offset < end) {
      const control = readControl(reader, reader.enter(Tag.sequence, end));
      // Every entry of a sync search has one, and an array that is pushed to makes room for many.
      if (controls === undefined) controls = [control];
      else controls.push(control);
    }
  }
  return controls ?? noControls;
}

function readControl(reader: BerReader, end: number): Control {
  const oid = reader.readText(end);
  const critical = reader.peek(end) === Tag.boolean ? reader.readBoolean(end) : false;
  const value = reader.peek(end) === Tag.octetString ? reader.readOctets(end) : undefined;
  reader.skipTo(end);
  return value === undefined ? { oid, critical } : { oid, critical, value };
}
