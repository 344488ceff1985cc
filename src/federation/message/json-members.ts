/** A member of the outermost object of a JSON text, and where in the text it stands. */
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
 * `JSON.parse` before. A text is edited at these places instead of being written anew, so that whatever nobody has to
 * change stays as it was, byte for byte: a number of twenty digits, `1.0`, an escape, the order of members.
 */
export function jsonMembers(text: string, from = 0): readonly JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipSpace(text, from) + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text[at] !== '"') return members;
    const start = at;
    at = endOfString(text, start);
    const name: unknown = JSON.parse(text.slice(start, at));
    const valueStart = skipSpace(text, skipSpace(text, at) + 1);
    const valueEnd = endOfValue(text, valueStart);
    members.push({ name: String(name), start, valueStart, valueEnd });
    at = skipSpace(text, valueEnd);
    if (text[at] === ",") at += 1;
  }
}

/**
 * The text with some members of the object set, and some taken away.
 *
 * @param set names and the JSON text of their values.
 */
export function editMembers(
  text: string,
  set: ReadonlyMap<string, string>,
  remove: (name: string) => boolean = () => false,
  from = 0,
): string {
  const members = jsonMembers(text, from);
  const end = members.at(-1)?.valueEnd ?? skipSpace(text, from) + 1;
  const pending = new Map(set);
  const written: string[] = [];
  for (const { name, start, valueStart, valueEnd } of members) {
    const value = pending.get(name);
    if (value !== undefined) {
      written.push(text.slice(start, valueStart) + value);
      pending.delete(name);
    } else if (!set.has(name) && !remove(name)) {
      written.push(text.slice(start, valueEnd));
    }
  }
  for (const [name, value] of pending) written.push(`${JSON.stringify(name)}: ${value}`);
  const open = skipSpace(text, from) + 1;
  return `${text.slice(0, open)}${written.join(", ")}${text.slice(end)}`;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

/** Where the string ends that begins with the quotation mark at `from`; the end of the text, if it does not end. */
export function endOfString(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  // A quotation mark after an odd number of backslashes belongs to the string.
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at < 0 ? text.length : at + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  for (;;) {
    const char = text[at];
    if (char === '"') {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") {
      if (depth === 0) return trimEnd(text, at);
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (char === "," || char === undefined)) return trimEnd(text, at);
    at += 1;
  }
}

function trimEnd(text: string, end: number): number {
  let at = end;
  while (/\s/.test(text[at - 1] ?? "")) at -= 1;
  return at;
}
