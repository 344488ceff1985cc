import { BerWriter } from "ldapts";
import { BerReader, Tag } from "./ber.js";
import { LdapProtocolError } from "./errors.js";
import type { Control } from "./message.js";

/** The object identifiers of the content synchronization operation (RFC 4533 §2). */
export const syncRequestOid = "1.3.6.1.4.1.4203.1.9.1.1";
export const syncStateOid = "1.3.6.1.4.1.4203.1.9.1.2";
export const syncDoneOid = "1.3.6.1.4.1.4203.1.9.1.3";
export const syncInfoOid = "1.3.6.1.4.1.4203.1.9.1.4";

/** The result code by which a server says that the cookie is of no use any more (RFC 4533 §2.6). */
export const syncRefreshRequired = 4096;

/** Whether the search ends after the refresh, or goes on with the changes as they happen (RFC 4533 §2.2). */
export type SyncMode = "refreshOnly" | "refreshAndPersist";

/** What became of an entry (RFC 4533 §2.3). */
export type EntryState = "present" | "add" | "modify" | "delete";

/** The value of a Sync State Control (RFC 4533 §2.3). */
export interface SyncState {
  readonly state: EntryState;
  /** The entryUUID, in the form of RFC 4122. */
  readonly id: string;
  readonly cookie?: Uint8Array;
}

/** The value of a Sync Done Control (RFC 4533 §2.4). */
export interface SyncDone {
  readonly refreshDeletes: boolean;
  readonly cookie?: Uint8Array;
}

/** The value of a Sync Info Message (RFC 4533 §2.5). */
export type SyncInfo =
  | { readonly kind: "newCookie"; readonly cookie: Uint8Array }
  | {
      readonly kind: "refreshDelete" | "refreshPresent";
      readonly refreshDone: boolean;
      readonly cookie?: Uint8Array;
    }
  | {
      readonly kind: "idSet";
      readonly refreshDeletes: boolean;
      readonly ids: readonly string[];
      readonly cookie?: Uint8Array;
    };

const maxCookieSize = 8_192;

/**
 * A Sync Request Control (RFC 4533 §2.2). It is critical: a server that ignored it would answer with a plain search.
 *
 * `reloadHint` is left at false, so that a server which cannot resume says so with e-syncRefreshRequired where it is
 * able to; a silent reload looks like an increment, and what was deleted meanwhile would stay for ever.
 */
export function syncRequest(mode: SyncMode, cookie?: Uint8Array): Control {
  if (cookie !== undefined && cookie.length > maxCookieSize) {
    throw new RangeError(`A cookie of ${cookie.length} bytes is longer than ${maxCookieSize}.`);
  }
  const value = new BerWriter();
  value.startSequence();
  value.writeEnumeration(mode === "refreshOnly" ? 1 : 3);
  if (cookie !== undefined) value.writeBuffer(Buffer.from(cookie), Tag.octetString);
  value.endSequence();
  return { oid: syncRequestOid, critical: true, value: value.buffer };
}

/** Reads the Sync State Control that every entry of a sync search carries. */
export function readSyncState(controls: readonly Control[]): SyncState {
  const value = controlValue(controls, syncStateOid, "an entry came without a Sync State Control");
  const reader = new BerReader(value);
  const end = reader.enter(Tag.sequence, value.length);
  const state = entryState(reader.readInteger(end, Tag.enumerated));
  const id = readUuid(reader, end);
  if (reader.peek(end) !== Tag.octetString) {
    finish(reader, end, value.length);
    return { state, id };
  }
  const cookie = readCookie(reader, end);
  finish(reader, end, value.length);
  return { state, id, cookie };
}

/** Reads the Sync Done Control of the end of a sync search. */
export function readSyncDone(controls: readonly Control[]): SyncDone {
  const value = controlValue(controls, syncDoneOid, "the search ended without a Sync Done Control");
  const reader = new BerReader(value);
  const end = reader.enter(Tag.sequence, value.length);
  const cookie = readOptionalCookie(reader, end);
  const refreshDeletes = readDefault(reader, end, false);
  finish(reader, end, value.length);
  return { refreshDeletes, ...cookie };
}

/** Reads the value of an intermediate response whose name is {@link syncInfoOid}. */
export function readSyncInfo(value: Uint8Array): SyncInfo {
  const reader = new BerReader(value);
  const tag = reader.peek(value.length);
  switch (tag) {
    case 0x80: {
      const cookie = checkedCookie(reader.readOctets(value.length, tag));
      finish(reader, value.length, value.length);
      return { kind: "newCookie", cookie };
    }
    case 0xa1:
    case 0xa2: {
      const end = reader.enter(tag, value.length);
      const cookie = readOptionalCookie(reader, end);
      const refreshDone = readDefault(reader, end, true);
      finish(reader, end, value.length);
      return { kind: tag === 0xa1 ? "refreshDelete" : "refreshPresent", refreshDone, ...cookie };
    }
    case 0xa3: {
      const end = reader.enter(tag, value.length);
      const cookie = readOptionalCookie(reader, end);
      const refreshDeletes = readDefault(reader, end, false);
      const setEnd = reader.enter(Tag.set, end);
      const ids: string[] = [];
      while (reader.offset < setEnd) ids.push(readUuid(reader, setEnd));
      finish(reader, end, value.length);
      return { kind: "idSet", refreshDeletes, ids, ...cookie };
    }
    default:
      throw new LdapProtocolError("a Sync Info Message is of an unknown kind");
  }
}

function controlValue(controls: readonly Control[], oid: string, missing: string): Uint8Array {
  for (const control of controls) {
    if (control.oid === oid && control.value !== undefined) return control.value;
  }
  throw new LdapProtocolError(missing);
}

function entryState(code: number): EntryState {
  switch (code) {
    case 0:
      return "present";
    case 1:
      return "add";
    case 2:
      return "modify";
    case 3:
      return "delete";
    default:
      throw new LdapProtocolError(`a Sync State Control has the unknown state ${code}`);
  }
}

function readOptionalCookie(reader: BerReader, end: number): { cookie?: Uint8Array } {
  return reader.peek(end) === Tag.octetString ? { cookie: readCookie(reader, end) } : {};
}

/** A copy: a cookie is kept long after the buffer that it came in. */
function readCookie(reader: BerReader, end: number): Uint8Array {
  return checkedCookie(reader.readOctets(end));
}

function checkedCookie(octets: Uint8Array): Uint8Array {
  if (octets.length > maxCookieSize) {
    throw new LdapProtocolError(`a sync cookie is ${octets.length} bytes long`);
  }
  return Buffer.from(octets);
}

function readDefault(reader: BerReader, end: number, value: boolean): boolean {
  return reader.peek(end) === Tag.boolean ? reader.readBoolean(end) : value;
}

/** Nothing may follow: these messages have no extension points. */
function finish(reader: BerReader, end: number, whole: number): void {
  if (reader.offset !== end || end !== whole) {
    throw new LdapProtocolError("a message of the sync operation has more fields than it may");
  }
}

/** An OCTET STRING of 16 octets, as a UUID in lower case (RFC 4533 §2.1.1). */
function readUuid(reader: BerReader, end: number): string {
  const octets = reader.readOctets(end);
  if (octets.length !== 16) {
    throw new LdapProtocolError(`an entryUUID is ${octets.length} bytes long`);
  }
  return uuidText(octets);
}

/**
 * Hexadecimal with hyphens, written octet by octet: of pieces of a string, V8 makes a tree of strings, and every entry
 * has an id that is kept.
 */
function uuidText(octets: Uint8Array): string {
  const text = Buffer.allocUnsafe(36);
  let at = 0;
  for (let index = 0; index < 16; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text[at++] = 0x2d;
    const octet = octets[index] ?? 0;
    text[at++] = hexDigit(octet >> 4);
    text[at++] = hexDigit(octet & 15);
  }
  return text.toString("latin1");
}

function hexDigit(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
