/**
 * The field lines of a message as names and values in turn, which is how `rawHeaders` of `node:http` and undici have
 * them. Repeated names stay repeated; names are compared without regard to case (RFC 9110 §5.1).
 */
export type FieldLines = readonly string[];

/**
 * The value of a field: of several lines, all of them joined with a comma (RFC 9110 §5.3); `undefined` if there is
 * none.
 */
export function fieldValue(lines: FieldLines, name: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < lines.length; at += 2) {
    const key = lines[at];
    if (key === undefined || key.length !== name.length || key.toLowerCase() !== name) continue;
    const value = lines[at + 1] ?? "";
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** Whether a token is among those of a list field such as Connection, without regard to case. */
export function listTokens(value: string): readonly string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "");
}
