import type { Page } from "../repositories/index.js";

/** Which part of an answer. */
export interface Part {
  readonly startIndex?: number;
  readonly cursor?: string;
}

/**
 * Every resource of the pages from the first on, which is by cursor if `first.cursor` is stated. A service provider whose pages do not
 * come to an end by themselves is believed no longer than it gives resources, or another cursor.
 */
export async function* allPages<T>(
  read: (part: Part) => Promise<Page<T>>,
  { cursor, startIndex = 1 }: Part,
): AsyncGenerator<T> {
  if (cursor !== undefined) {
    for (let at: string | undefined = cursor; at !== undefined; ) {
      const page: Page<T> = await read({ cursor: at });
      yield* page.resources;
      at = page.nextCursor === at ? undefined : page.nextCursor;
    }
    return;
  }
  for (let at = startIndex; ; ) {
    const page = await read({ startIndex: at });
    yield* page.resources;
    // A service provider may give fewer than were asked for (RFC 7644 §3.4.2.4), so they are counted.
    at += page.resources.length;
    if (page.resources.length === 0 || at > (page.totalResults ?? Number.POSITIVE_INFINITY)) return;
  }
}
