import { hash } from "node:crypto";
import { parseDictionary } from "./structured-fields.js";

/** The field `content-digest` of some content, by SHA-256 (RFC 9530 §2). */
export function contentDigest(content: Uint8Array): string {
  return `sha-256=:${hash("sha256", content, "base64")}:`;
}

/** The algorithms of RFC 9530 §5 that are not deprecated, by the names that `node:crypto` has for them. */
const algorithms: ReadonlyMap<string, string> = new Map([
  ["sha-256", "sha256"],
  ["sha-512", "sha512"],
]);

/**
 * Whether a field `content-digest` is that of the content: it has a digest by SHA-256 or SHA-512, and each such digest
 * is right, in canonical base64. Digests by other algorithms are ignored.
 */
export function isDigestOf(field: string, content: Uint8Array): boolean {
  // Nearly every field is the one that is written here.
  if (field === contentDigest(content)) return true;
  let isKnown = false;
  for (const [name, { source }] of parseDictionary(field) ?? []) {
    const algorithm = algorithms.get(name);
    if (algorithm === undefined) continue;
    if (source !== `:${hash(algorithm, content, "base64")}:`) return false;
    isKnown = true;
  }
  return isKnown;
}
