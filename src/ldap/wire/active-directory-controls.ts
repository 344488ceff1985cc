import { BerWriter } from "ldapts";
import { BerReader, Tag } from "./ber.js";
import { LdapProtocolError } from "./errors.js";
import type { Control } from "./message.js";

/** The object identifiers of controls that Active Directory has (MS-ADTS 3.1.1.3.4.1). */
const oids = {
  /** 3.1.1.3.4.1.3 */
  dirSync: "1.2.840.113556.1.4.841",
  /** 3.1.1.3.4.1.9 */
  notification: "1.2.840.113556.1.4.528",
  /** 3.1.1.3.4.1.5 */
  extendedDn: "1.2.840.113556.1.4.529",
  /** 3.1.1.3.4.1.14 */
  showDeleted: "1.2.840.113556.1.4.417",
  /** RFC 2696 */
  pagedResults: "1.2.840.113556.1.4.319",
} as const;

/** The control by which a server says that it can be followed by DirSync. */
export const dirSyncOid: string = oids.dirSync;

/** Asks to be told of each change, for as long as the connection lasts. */
export const notification: Control = { oid: oids.notification, critical: true };

/** Shows what was deleted, as far as the account may see it. */
export const showDeleted: Control = { oid: oids.showDeleted, critical: true };

/** Has each distinguished name begin with the GUID of its entry in the form of a string: `<GUID=…>;<SID=…>;CN=…`. */
export const extendedDn: Control = {
  oid: oids.extendedDn,
  critical: true,
  value: Buffer.of(0x30, 0x03, 0x02, 0x01, 0x01),
};

/** What a DirSync request is to bring. */
export const dirSyncFlags = {
  /**
   * LDAP_DIRSYNC_OBJECT_SECURITY: what the account may read, and not what a replica may, which takes a special right.
   */
  objectSecurity: 0x00000001,
  /** LDAP_DIRSYNC_INCREMENTAL_VALUES: of linked values those that came and went, and not all. */
  incrementalValues: 0x80000000,
} as const;

/** What a DirSync response says at its end. */
export interface DirSyncDone {
  /** Whether the server has more: it is to be asked again, with the new cookie. */
  readonly hasMore: boolean;
  readonly cookie: Buffer;
}

/** The longest cookies that are taken: that of DirSync grows with the number of controllers, by some 24 bytes each. */
const maxCookieSize = 32_768;

/**
 * Asks for what has changed since a cookie; without one, for everything.
 *
 * @param maxBytes - About how long a response may be before the server ends it and says that it has more.
 */
export function dirSync(flags: number, maxBytes: number, cookie?: Uint8Array): Control {
  const value = new BerWriter();
  value.startSequence();
  // An INTEGER of four octets, of which the first bit is one of the flags.
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(flags >>> 0);
  value.writeBuffer(octets, Tag.integer);
  value.writeInt(maxBytes);
  value.writeBuffer(Buffer.from(cookie ?? []), Tag.octetString);
  value.endSequence();
  return { oid: oids.dirSync, critical: true, value: value.buffer };
}

/** Reads the control at the end of a DirSync response (MS-ADTS 3.1.1.3.4.1.3). */
export function readDirSyncDone(controls: readonly Control[]): DirSyncDone {
  const reader = readValue(controls, oids.dirSync, "a DirSync response has no cookie");
  const more = reader.value.readInteger(reader.end);
  reader.value.readInteger(reader.end);
  return { hasMore: more !== 0, cookie: readCookie(reader) };
}

/** Asks for so many entries at a time (RFC 2696 §2). */
export function pagedResults(size: number, cookie?: Uint8Array): Control {
  const value = new BerWriter();
  value.startSequence();
  value.writeInt(size);
  value.writeBuffer(Buffer.from(cookie ?? []), Tag.octetString);
  value.endSequence();
  return { oid: oids.pagedResults, critical: true, value: value.buffer };
}

/** The cookie of the next page; undefined where this was the last (RFC 2696 §3). */
export function readPagedResults(controls: readonly Control[]): Buffer | undefined {
  if (!controls.some(({ oid }) => oid === oids.pagedResults)) return undefined;
  const reader = readValue(controls, oids.pagedResults, "a page has no cookie");
  reader.value.readInteger(reader.end);
  const cookie = readCookie(reader);
  return cookie.length === 0 ? undefined : cookie;
}

interface ValueReader {
  readonly value: BerReader;
  readonly end: number;
}

function readValue(controls: readonly Control[], oid: string, fault: string): ValueReader {
  const value = controls.find((control) => control.oid === oid)?.value;
  if (value === undefined) throw new LdapProtocolError(fault);
  const reader = new BerReader(value);
  return { value: reader, end: reader.enter(Tag.sequence, value.length) };
}

/** A copy, since the memory that it was received in is used again. */
function readCookie({ value, end }: ValueReader): Buffer {
  const cookie = Buffer.from(value.readOctets(end));
  if (cookie.length > maxCookieSize) {
    throw new LdapProtocolError(`a cookie of ${cookie.length} bytes is too long`);
  }
  return cookie;
}
