/** A member of an object in a JSON text, and where in the text it stands. */
export interface JsonMember {
  readonly name: string;
  /** Where the name begins, at its quotation mark. */
  readonly start: number;
  /** Where the value begins and ends. */
  readonly valueStart: number;
  readonly valueEnd: number;
}

/**
 * The members of an object in a JSON text, from `from`, where it begins. The text must be JSON: it was read with
 * `JSON.parse` before. A text is edited at these places instead of being written anew, so that what need not
 * change stays as it was, byte for byte: a number of twenty digits, `1.0`, an escape, the order of members.
 */
export function jsonMembers(text: string, from = 0): readonly JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipSpace(text, skipSpace(text, from) + 1);
  while (text.charCodeAt(at) === quote) {
    const start = at;
    const nameEnd = endOfString(text, start);
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const valueEnd = endOfValue(text, valueStart);
    members.push({ name: nameIn(text, start, nameEnd), start, valueStart, valueEnd });
    at = skipSpace(text, valueEnd);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return members;
}

/**
 * The text of an object with some members set, and some taken away. Those that were not there are put at the end. What
 * lies between members that stay is left as it is.
 *
 * @param set names and the JSON text of their values.
 * @param members the members of the text, if they are known already.
 */
export function editMembers(
  text: string,
  set: ReadonlyMap<string, string>,
  remove: (name: string) => boolean = () => false,
  members: readonly JsonMember[] = jsonMembers(text),
): string {
  const missing = new Map(set);
  let written = "";
  const write = (part: string): void => {
    written += written === "" ? part : `, ${part}`;
  };
  // Members that stay are written together, from the first of them to the end of the last.
  let from = -1;
  let to = -1;
  for (const { name, start, valueStart, valueEnd } of members) {
    if (!set.has(name) && !remove(name)) {
      if (from < 0) from = start;
      to = valueEnd;
      continue;
    }
    if (from >= 0) write(text.slice(from, to));
    from = -1;
    const value = missing.get(name);
    if (value !== undefined) write(text.slice(start, valueStart) + value);
    missing.delete(name);
  }
  if (from >= 0) write(text.slice(from, to));
  for (const [name, value] of missing) write(`${JSON.stringify(name)}: ${value}`);
  return `{${written}}`;
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;

/** Where the string ends that begins with the quotation mark at `from`; the end of the text, if it does not end. */
export function endOfString(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  // A quotation mark after an odd number of backslashes belongs to the string.
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at < 0 ? text.length : at + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes += 1;
  return backslashes % 2 === 1;
}

function nameIn(text: string, start: number, end: number): string {
  const name = text.slice(start + 1, end - 1);
  return name.includes("\\") ? String(JSON.parse(`"${name}"`)) : name;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** Where a value ends: behind its last bracket or quotation mark, or before what follows a word. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (code === 0x7b || code === 0x5b) depth += 1;
    else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === comma || isSpace(code))) return at;
  }
  return text.length;
}
