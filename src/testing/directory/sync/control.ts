import {
  BerError,
  boolean,
  element,
  enumerated,
  Fields,
  octets,
  sequence,
  tags,
  toBoolean,
  toInteger,
} from "../ber.js";
import type { Refresh, SyncMessage, SyncRequest } from "./message.js";

/** The object identifiers of RFC 4533 §2. */
export const syncOids = {
  request: "1.3.6.1.4.1.4203.1.9.1.1",
  state: "1.3.6.1.4.1.4203.1.9.1.2",
  done: "1.3.6.1.4.1.4203.1.9.1.3",
  info: "1.3.6.1.4.1.4203.1.9.1.4",
} as const;

/** Reads the value of a Sync Request Control. RFC 4533 §2.2 */
export function readSyncRequest(value: Buffer): Omit<SyncRequest, "bindDn"> {
  const fields = new Fields(new Fields(value).take(tags.sequence));
  const mode = toInteger(fields.take(tags.enumerated));
  if (mode !== 1 && mode !== 3) throw new BerError("The mode is not one of RFC 4533.");
  const cookie = fields.optional(tags.octets)?.toString();
  const reloadHint = fields.optional(tags.boolean);
  return {
    mode: mode === 1 ? "refreshOnly" : "refreshAndPersist",
    reloadHint: reloadHint !== undefined && toBoolean(reloadHint),
    ...(cookie === undefined ? {} : { cookie }),
  };
}

const states = { add: 1, modify: 2, delete: 3 } as const;

function optionalCookie(cookie: string | undefined): Buffer[] {
  return cookie === undefined ? [] : [octets(cookie)];
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll("-", ""), "hex");
}

/** Encodes the value of a Sync State Control. RFC 4533 §2.3 */
export function encodeSyncState(message: Extract<SyncMessage, { kind: "entry" }>): Buffer {
  return sequence(
    enumerated(states[message.state]),
    octets(uuidBytes(message.entry.uuid)),
    ...optionalCookie(message.cookie),
  );
}

/** Encodes the value of a Sync Done Control. RFC 4533 §2.4 */
export function encodeSyncDone({ cookie, refreshDeletes }: Omit<Refresh, "messages">): Buffer {
  const deletes = refreshDeletes ? [boolean(true)] : [];
  return sequence(...optionalCookie(cookie), ...deletes);
}

/** Encodes the Sync Info Message that ends the refresh of a search that persists. RFC 4533 §2.5 */
export function encodeRefreshEnd({ cookie, refreshDeletes }: Omit<Refresh, "messages">): Buffer {
  // refreshDone is TRUE, the default.
  return element(refreshDeletes ? 0xa1 : 0xa2, ...optionalCookie(cookie));
}

/** Encodes a Sync Info Message. RFC 4533 §2.5 */
export function encodeSyncInfo(message: Exclude<SyncMessage, { kind: "entry" }>): Buffer {
  if (message.kind === "newCookie") return octets(message.cookie, 0x80);
  const deletes = message.refreshDeletes ? [boolean(true)] : [];
  const uuids = message.uuids.map((uuid) => octets(uuidBytes(uuid)));
  return element(0xa3, ...optionalCookie(message.cookie), ...deletes, element(tags.set, ...uuids));
}
