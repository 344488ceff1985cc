/**
 * A text without the spaces and tabs around it: the optional whitespace of RFC 9110 §5.6.3. `trim()` takes more away,
 * such as a no-break space, so that two texts which others distinguish would be one.
 */
export function withoutWhitespace(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isWhitespace(text.charCodeAt(start))) start += 1;
  while (start < end && isWhitespace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isWhitespace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}
