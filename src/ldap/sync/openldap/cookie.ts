import type { Positions } from "../protocol.js";

/**
 * The cookie of an OpenLDAP server, as far as it says something about the content: for each server that takes writes (a
 * SID), the change sequence number of its newest change that the content holds.
 *
 * To RFC 4533 a cookie is opaque. To OpenLDAP it is a text such as
 * `rid=000,sid=001,csn=20260102030405.000006Z#000000#001#000000`, and it has to be read, since neither storing the
 * last cookie nor storing every one loses nothing:
 * - while several clients write, some changes come with a cookie without a CSN (`rid=000`); resuming from one loses
 *   deletions;
 * - with several providers a change comes with the number of its own SID only; resuming from it reloads everything;
 * - `sid=` names the provider, and a different provider that is shown it holds back what it takes to be our own writes;
 * - `delcsn=` belongs to one message and bounds its deletions.
 */
export interface CsnCookie {
  /** One change sequence number for each SID, ordered by SID. Never empty. */
  readonly csns: readonly string[];
  /** The bound of the deletions that came with the cookie. */
  readonly deleteCsn?: string;
}

/**
 * Reads a cookie. One without a CSN, an empty one, or one that is no OpenLDAP cookie at all, says nothing about the
 * content and yields undefined.
 */
export function parseCookie(cookie: Uint8Array | string | undefined): CsnCookie | undefined {
  if (cookie === undefined) return undefined;
  const text = typeof cookie === "string" ? cookie : Buffer.from(cookie).toString("latin1");
  let csns: readonly string[] | undefined;
  let deleteCsn: string | undefined;
  for (const field of text.split(",")) {
    if (field.startsWith("csn=")) csns = newestPerSid(field.slice(4).split(";"));
    else if (field.startsWith("delcsn=")) deleteCsn = field.slice(7);
  }
  if (csns === undefined) return undefined;
  return deleteCsn !== undefined && isCsn(deleteCsn) ? { csns, deleteCsn } : { csns };
}

/** The server that a cookie is of, where it names itself (`sid=`). */
export function serverOfCookie(cookie: Uint8Array | undefined): string | undefined {
  if (cookie === undefined) return undefined;
  const [, server] =
    /(?:^|,)sid=([\da-f]{3})(?:,|$)/.exec(Buffer.from(cookie).toString("latin1")) ?? [];
  return server;
}

/** Cookies as positions: the stamps of entries are change sequence numbers. */
export const csnPositions: Positions<CsnCookie> = {
  parse: parseCookie,
  print: printCookie,
  merge: mergeCookies,
  includes: (cookie, other) => other.csns.every((csn) => covers(cookie, csn)),
  stamps: {
    isCovered: covers,
    positionOf: (csn) => (isCsn(csn) ? { csns: [csn] } : undefined),
    newest: newestCsn,
    ofDeletions: ({ deleteCsn }) => deleteCsn,
  },
};

/** What both cookies cover together: for each SID the newer number. */
export function mergeCookies(one: CsnCookie | undefined, other: CsnCookie): CsnCookie {
  if (one === undefined) return { csns: other.csns };
  return { csns: newestPerSid([...one.csns, ...other.csns]) ?? other.csns };
}

/** The cookie to send: without `sid=`, and with the replica id that a client that is no replica uses. */
export function printCookie(cookie: CsnCookie): string {
  return `rid=000,csn=${cookie.csns.join(";")}`;
}

/** The newest number of a cookie, whichever SID it is of. */
export function newestCsn(cookie: CsnCookie): string {
  return cookie.csns.reduce((newest, csn) => (csn > newest ? csn : newest));
}

/** The oldest number of a cookie: an entry that is not newer than it has been delivered, whichever SID it is of. */
export function oldestCsn(cookie: CsnCookie): string {
  return cookie.csns.reduce((oldest, csn) => (csn < oldest ? csn : oldest));
}

/** Whether the content that the cookie stands for holds the change with this number. */
export function covers(cookie: CsnCookie, csn: string): boolean {
  const sid = sidOf(csn);
  return cookie.csns.some((covered) => sidOf(covered) === sid && csn <= covered);
}

/** Whether the content that the cookie stands for holds later changes of the same SID than the one with this number. */
export function isBeyond(cookie: CsnCookie | undefined, csn: string): boolean {
  const sid = sidOf(csn);
  return cookie?.csns.some((covered) => sidOf(covered) === sid && covered > csn) ?? false;
}

/** `time#count#sid#mod`, such as `20260102030405.000006Z#000000#001#000000`: 40 characters, which sort by time. */
export function isCsn(text: string): boolean {
  return /^\d{14}\.\d{6}Z#[\da-f]{6}#[\da-f]{3}#[\da-f]{6}$/.test(text);
}

/** The time of a number, in milliseconds since the epoch. */
export function timeOf(csn: string): number {
  const [, year, month, day, hour, minute, second, milliseconds] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.(\d{3})/.exec(csn)?.map(Number) ?? [];
  if (year === undefined || month === undefined) return Number.NaN;
  return Date.UTC(year, month - 1, day, hour, minute, second, milliseconds);
}

function sidOf(csn: string): string {
  return csn.slice(30, 33);
}

function newestPerSid(csns: readonly string[]): readonly string[] | undefined {
  const newest = new Map<string, string>();
  for (const csn of csns) {
    if (!isCsn(csn)) return undefined;
    const sid = sidOf(csn);
    const known = newest.get(sid);
    if (known === undefined || csn > known) newest.set(sid, csn);
  }
  if (newest.size === 0) return undefined;
  return [...newest.keys()].sort().map((sid) => newest.get(sid) ?? "");
}
