import { InvalidValueError } from "../../core/index.js";
import type { GivenAttribute } from "./entries/entry.js";

/** An entry to be added. */
export interface LdifEntry {
  readonly dn: string;
  readonly attributes: readonly GivenAttribute[];
}

/**
 * Reads entries from LDIF content records (RFC 2849): folded lines, comments, and values in Base64. Change records and
 * values at a URL are refused.
 *
 * @throws {InvalidValueError} with the number of the line that cannot be read.
 */
export function parseLdif(text: string): LdifEntry[] {
  const entries: LdifEntry[] = [];
  let record: Line[] = [];
  const finish = () => {
    if (record.length > 0) entries.push(readRecord(record));
    record = [];
  };
  for (const line of logicalLines(text)) {
    if (line.text === "") finish();
    else if (!(entries.length === 0 && record.length === 0 && /^version:/i.test(line.text))) {
      record.push(line);
    }
  }
  finish();
  return entries;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

/** Joins folded lines and leaves comments out. */
function* logicalLines(text: string): Generator<Line> {
  let current: { number: number; text: string } | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.startsWith(" ") && current !== undefined) {
      current.text += line.slice(1);
      continue;
    }
    if (current !== undefined && !current.text.startsWith("#")) yield current;
    current = { number: index + 1, text: line };
  }
  if (current !== undefined && !current.text.startsWith("#")) yield current;
}

function readRecord(lines: readonly Line[]): LdifEntry {
  const attributes = new Map<string, { type: string; values: Buffer[] }>();
  let dn: string | undefined;
  for (const line of lines) {
    const { type, value } = readLine(line);
    if (dn === undefined) {
      if (type.toLowerCase() !== "dn") throw refuse(line, "A record begins with its DN.");
      dn = value.toString();
      continue;
    }
    if (type.toLowerCase() === "changetype") {
      throw refuse(line, "Change records are not read, only entries.");
    }
    const attribute = attributes.get(type.toLowerCase());
    if (attribute) attribute.values.push(value);
    else attributes.set(type.toLowerCase(), { type, values: [value] });
  }
  return { dn: dn ?? "", attributes: [...attributes.values()] };
}

function readLine(line: Line): { type: string; value: Buffer } {
  const match = /^([^:]+):([:<]?) *(.*)$/s.exec(line.text);
  const [, type, mark, value] = match ?? [];
  if (type === undefined || value === undefined) {
    throw refuse(line, "The line is not an attribute, a colon and a value.");
  }
  if (mark === "<") throw refuse(line, "Values at a URL are not read.");
  if (mark !== ":") return { type, value: Buffer.from(value) };
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw refuse(line, "The value is not Base64.");
  return { type, value: Buffer.from(value, "base64") };
}

function refuse(line: Line, reason: string): InvalidValueError {
  return new InvalidValueError("ldif", `line ${line.number}: ${reason}`);
}
