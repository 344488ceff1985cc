import { FederationError } from "../errors.js";
import { decodeText } from "./text.js";

/** A name and a value of a form. */
export type Pair = readonly [name: string, value: string];

/**
 * The pairs of a form that was sent as parts (RFC 7578), as some clients do although they send no files.
 *
 * It is read strictly: what readers of such forms differ in is refused, such as text around the parts, lines that end
 * otherwise than they should, and names in several notations.
 *
 * @param type the value of the Content-Type field.
 * @throws {FederationError} it is not a form, or one that cannot be rewritten: with a file, or in another encoding than
 * UTF-8.
 */
export function multipartPairs(type: string, content: Uint8Array): readonly Pair[] {
  const text = decodeText(content);
  const boundary = boundaryOf(type);
  const first = `--${boundary}\r\n`;
  const next = `\r\n--${boundary}`;
  if (text === `--${boundary}--\r\n` || text === `--${boundary}--`) return [];
  if (!text.startsWith(first)) throw new FederationError("bad_content");
  const pairs: Pair[] = [];
  for (let at = first.length; ; ) {
    const end = text.indexOf(next, at);
    if (end < 0) throw new FederationError("bad_content");
    const part = text.slice(at, end);
    // Some take other line ends for one as well.
    if (part.includes(`\n--${boundary}`) || part.includes(`\r--${boundary}`)) {
      throw new FederationError("bad_content");
    }
    pairs.push(readPart(part));
    at = end + next.length;
    if (text.startsWith("\r\n", at)) at += 2;
    else if (isEnd(text.slice(at, at + 5)) && text.length <= at + 4) return pairs;
    else throw new FederationError("bad_content");
  }
}

function isEnd(rest: string): boolean {
  return rest === "--" || rest === "--\r\n";
}

/** The boundary of the parts (RFC 2046 §5.1.1). */
function boundaryOf(type: string): string {
  const match = /^[^;]*;[ \t]*boundary=(?:"([\w'()+,./:=?-]{1,70})"|([\w'+.-]{1,70}))[ \t]*$/i.exec(
    type,
  );
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw new FederationError("bad_content");
  return boundary;
}

/** One part, without the boundaries around it. */
function readPart(part: string): Pair {
  const end = part.startsWith("\r\n") ? 0 : part.indexOf("\r\n\r\n");
  if (end <= 0) throw new FederationError("bad_content");
  let name: string | undefined;
  for (const line of part.slice(0, end).split("\r\n")) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(colon, 0)).toLowerCase()) {
      case "content-disposition":
        if (name !== undefined) throw new FederationError("bad_content");
        name = nameIn(value);
        break;
      case "content-type":
        if (!/^text\/plain(?:;[ \t]*charset="?(?:utf-8|us-ascii)"?)?$/i.test(value)) {
          throw new FederationError("unsupported_content");
        }
        break;
      case "content-length":
        if (!/^\d+$/.test(value)) throw new FederationError("bad_content");
        break;
      default:
        throw new FederationError("unsupported_content");
    }
  }
  if (name === undefined) throw new FederationError("bad_content");
  return [name, part.slice(end + 4)];
}

/**
 * The name of a part. A file has another parameter, and a name that is written with escapes is read in several ways.
 */
function nameIn(disposition: string): string {
  const [, name] = /^form-data;[ \t]*name="([^"\\%\r\n]*)"$/i.exec(disposition) ?? [];
  if (name === undefined) throw new FederationError("unsupported_content");
  return name;
}
