import type { Page } from "../repositories/index.js";
import { ScimResponseError } from "./response-error.js";

/** Which part of an answer. */
export interface Part {
  readonly startIndex?: number;
  readonly cursor?: string;
}

/**
 * Every resource of the pages from the first on, which is by cursor if `first.cursor` is stated.
 *
 * @throws {ScimResponseError} the service provider gives pages that nobody asked for, or does not say how many there are.
 */
export async function* allPages<T>(
  read: (part: Part) => Promise<Page<T>>,
  first: Part,
): AsyncGenerator<T> {
  for (let part: Part | undefined = first; part !== undefined; ) {
    const page: Page<T> = await read(part);
    yield* page.resources;
    part = partAfter(page, part);
  }
}

function partAfter<T>(
  { resources, nextCursor, startIndex: given, totalResults }: Page<T>,
  { cursor, startIndex = 1 }: Part,
): Part | undefined {
  // A service provider may have pages by cursor alone, and begin with one unasked (RFC 9865 §2.3).
  if (cursor !== undefined || nextCursor !== undefined) {
    if (nextCursor === undefined) return undefined;
    if (nextCursor !== cursor) return { cursor: nextCursor };
    throw new ScimResponseError("The service provider gives the same page again and again.", 200);
  }
  if (resources.length === 0) return undefined;
  if (given !== undefined && given !== startIndex) {
    throw new ScimResponseError(
      `The service provider gives the page from ${given} on in place of that from ${startIndex} on.`,
      200,
    );
  }
  if (totalResults === undefined) {
    throw new ScimResponseError(
      "The service provider does not say how many resources there are (RFC 7644 §3.4.2).",
      200,
    );
  }
  // It may give fewer than were asked for (RFC 7644 §3.4.2.4), so they are counted.
  const next = startIndex + resources.length;
  return next > totalResults ? undefined : { startIndex: next };
}
