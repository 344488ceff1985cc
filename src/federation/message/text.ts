import { isUtf8 } from "node:buffer";
import { FederationError } from "../errors.js";

/** The text of a content. @throws {FederationError} it is not UTF-8. */
export function decodeText(content: Uint8Array): string {
  if (!isUtf8(content)) throw new FederationError("bad_content");
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString();
}
