/** The longest way home, in characters, before and after it is encoded: it is kept in a cookie. */
const longest = 1_000;

/**
 * Where a visitor goes after the sign-on: the path that was asked for, on this site and nowhere else.
 *
 * What is not a path of this site, or has more than 1,000 characters before or after it is encoded, leads to its root.
 * The response is an absolute URL, so that no browser can take its path for the name of a host, as with
 * `//evil.example`.
 *
 * @param next What was asked for, by any visitor: a path with a query and a fragment.
 * @param home Any URL of this site.
 */
export function homeUrl(next: string | null | undefined, home: string): string {
  const { origin } = new URL(home);
  const root = `${origin}/`;
  if (typeof next !== "string" || !next.startsWith("/") || next.length > longest) return root;
  // Parsed as browsers do, who read "\" as "/" and drop tabs and line ends.
  const url = URL.parse(next, root);
  return url?.origin === origin && url.href.length <= origin.length + longest ? url.href : root;
}
