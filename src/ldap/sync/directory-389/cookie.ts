import type { Positions } from "../protocol.js";

/**
 * A cookie of 389 Directory Server, such as
 * `ds.example.com:389#uid=reader,dc=example,dc=com:dc=example,dc=com:(objectClass=person)#5`: which server it is of,
 * who asked it for what, and the number of a change in its retro changelog. The server takes none in which any of that
 * is another, and answers e-syncRefreshRequired.
 */
export interface NumberedCookie {
  /** All of it before the number, with the `#`. */
  readonly search: string;
  /** The number of the newest change that is covered. */
  readonly number: number;
}

/** What stands for the number where the retro changelog has nothing of a change: -1, without its sign. */
const noNumber = 4_294_967_295;

/** Reads a cookie; undefined if it has no number. */
export function parseCookie(cookie: Uint8Array | string | undefined): NumberedCookie | undefined {
  if (cookie === undefined) return undefined;
  const text = typeof cookie === "string" ? cookie : Buffer.from(cookie).toString("utf8");
  const [, search, digits] = /^(.+#)(\d{1,10})$/su.exec(text) ?? [];
  const number = Number(digits);
  return search === undefined || number >= noNumber ? undefined : { search, number };
}

/** Where a search stands whose changes are not in the changelog: the cookie without a number of its own. */
export function searchOf(cookie: Uint8Array | undefined): string | undefined {
  const [search] = /^.+#(?=\d+$)/su.exec(Buffer.from(cookie ?? []).toString("utf8")) ?? [];
  return search;
}

export function printCookie({ search, number }: NumberedCookie): string {
  return `${search}${number}`;
}

/** Cookies as positions. Entries have no stamps that could be compared with them. */
export const numberedPositions: Positions<NumberedCookie> = {
  parse: parseCookie,
  print: printCookie,
  // The number that comes with a change is that of its entry: changes that overtake each other let it go back.
  merge: (one, other) => (one?.search === other.search && one.number > other.number ? one : other),
  includes: (one, other) => one.search === other.search && other.number <= one.number,
};
