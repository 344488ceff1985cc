import { isUtf8 } from "node:buffer";
import { FederationError } from "../errors.js";

/** The text of a content. @throws {FederationError} it is not UTF-8. */
export function decodeText(content: Uint8Array): string {
  if (!isUtf8(content)) throw new FederationError("bad_content");
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString();
}

/** A text without what Python's `strip` takes away: not the byte order mark, but separators, and the next line. */
export function withoutPythonSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isPythonSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isPythonSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isPythonSpace(code: number): boolean {
  if ((code >= 0x1c && code <= 0x1f) || code === 0x85) return true;
  return code !== 0xfeff && /\s/.test(String.fromCharCode(code));
}
