import type { StoredPosition } from "../protocol.js";
import { type CsnCookie, parseCookie, printCookie } from "./cookie.js";

/** Where the changes of a server were left, with what shows at the resume what the server does not say by itself. */
export interface SyncPosition extends StoredPosition<CsnCookie> {
  /** When the server had been started, by its clock: another start is a later one, even if the clock was set back. */
  readonly startedAt?: string | undefined;
}

/** The position as text: the cookie, and what is known beside it. */
export function printPosition({ cookie, parents, startedAt }: SyncPosition): string {
  const fields = [printCookie(cookie)];
  if (startedAt !== undefined) fields.push(`started=${startedAt}`);
  if (parents !== undefined) fields.push(`parents=${parents}`);
  return fields.join(",");
}

/** Reads a position; undefined if there is no cookie in it. */
export function parsePosition(text: string | undefined): SyncPosition | undefined {
  const cookie = parseCookie(text);
  if (cookie === undefined) return undefined;
  return { cookie, parents: fieldOf(text, "parents"), startedAt: fieldOf(text, "started") };
}

function fieldOf(text: string | undefined, name: string): string | undefined {
  const field = text?.split(",").find((part) => part.startsWith(`${name}=`));
  return field?.slice(name.length + 1);
}
