import type { Page } from "../../repositories/index.js";
import type { Resource } from "../../scim/index.js";
import { ScimResponseError } from "../requests/response-error.js";

/** Which part of a response. */
export interface Part {
  readonly startIndex?: number;
  readonly cursor?: string;
}

/**
 * Every resource of the pages from the first on, which is by cursor if `first.cursor` is stated. One that moves to the
 * next page while they are read comes once.
 *
 * @throws {ScimResponseError} the service provider gives pages that were not asked for, or the same again, whatever it
 * says of them, or does not say how many there are.
 */
export async function* allPages<T extends Resource>(
  read: (part: Part) => Promise<Page<T>>,
  first: Part,
): AsyncGenerator<T> {
  // Pages are held against the first, the one before, and one that is marked after 1, 2, 4 … pages, so that each circle
  // is noticed, and what is kept does not grow with the number of resources.
  let beginning: ReadonlySet<string> | undefined;
  let before: ReadonlySet<string> = new Set();
  let marked: { readonly ids: ReadonlySet<string>; readonly cursor?: string } = { ids: new Set() };
  let [pages, nextMark] = [0, 1];
  for (let part: Part | undefined = first; part !== undefined; ) {
    const page: Page<T> = await read(part);
    const ids = new Set<string>();
    for (const resource of page.resources) {
      const { id } = resource;
      const isRepeated = ids.has(id) || before.has(id) || beginning?.has(id) === true;
      ids.add(id);
      if (!isRepeated) yield resource;
    }
    const isSeen = (id: string): boolean =>
      before.has(id) || beginning?.has(id) === true || marked.ids.has(id);
    if (ids.size > 0 && [...ids].every(isSeen)) throw repeats();
    beginning ??= ids;
    before = ids;
    part = partAfter(page, part);
    const cursor = part?.cursor;
    if (cursor !== undefined && cursor === marked.cursor) throw repeats();
    pages += 1;
    if (pages === nextMark) {
      marked = { ids, ...(cursor !== undefined && { cursor }) };
      nextMark *= 2;
    }
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
    throw repeats();
  }
  if (resources.length === 0) return undefined;
  if (given !== undefined && given !== startIndex) throw wrongPage(given, startIndex);
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

/** The error of a page that begins elsewhere than was asked for. */
export function wrongPage(given: number, asked: number): ScimResponseError {
  return new ScimResponseError(
    `The service provider gives the page from ${given} on in place of that from ${asked} on.`,
    200,
  );
}

function repeats(): ScimResponseError {
  return new ScimResponseError("The service provider gives the same page again and again.", 200);
}
