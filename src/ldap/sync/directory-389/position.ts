import type { StoredPosition } from "../protocol.js";
import { type NumberedCookie, parseCookie, printCookie } from "./cookie.js";

/** Where the changes of a server were left, with what shows at the resume what the server does not show by itself. */
export interface NumberedPosition extends StoredPosition<NumberedCookie> {
  /** The lowest number that the changelog had. */
  readonly first: number;
  /** Up to which number what was reported was compared with the changelog. */
  readonly compared: number;
  /** Whether the changelog has the changes of the content. */
  readonly isLogged: boolean;
}

export function printPosition({ cookie, first, compared, isLogged }: NumberedPosition): string {
  return JSON.stringify([first, compared, isLogged, printCookie(cookie)]);
}

/** Reads a position; undefined if it is none. A checkpoint has a checksum, so it is as it was printed. */
export function parsePosition(text: string | undefined): NumberedPosition | undefined {
  if (text?.startsWith("[") !== true) return undefined;
  const [first, compared, isLogged, cookie]: readonly unknown[] = JSON.parse(text);
  const parsed = typeof cookie === "string" ? parseCookie(cookie) : undefined;
  if (typeof first !== "number" || typeof compared !== "number" || parsed === undefined) {
    return undefined;
  }
  return { cookie: parsed, first, compared, isLogged: isLogged === true };
}
