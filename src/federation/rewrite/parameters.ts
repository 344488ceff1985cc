import { FederationError } from "../errors.js";
import { editMembers } from "../message/json-members.js";
import { contentKind, decodePair, decodeText, pairAt } from "../message/parameters.js";
import type { EventRequest } from "../message/request.js";

/** What becomes of the parameters of a request on its way to a server. */
export interface ParameterEdits {
  /** Parameters that the server is to get instead of those that the client sent, or in addition. */
  readonly set: ReadonlyMap<string, string>;
  /** Whether a parameter stays at home. */
  readonly remove: (name: string) => boolean;
  /** How often the server undoes percent encoding in a query, a form and a path. */
  readonly decoding: "once" | "twice";
}

/**
 * The target and the content of a request with its parameters edited. What nobody edits stays as it is, byte for byte.
 *
 * @throws {FederationError} the content says its parameters in a way that cannot be rewritten: a file upload, or encoded.
 */
export function rewriteParameters(
  request: EventRequest,
  edits: ParameterEdits,
): { readonly target: string; readonly content: Uint8Array } {
  const kind = contentKind(request);
  if (kind === "other") throw new FederationError("unsupported_content");
  const isInQuery = kind === "none";
  const query = editPairs(request.query, edits, isInQuery);
  const path = edits.decoding === "twice" ? encodeTwice(request.path) : request.path;
  const target = query === "" ? path : `${path}?${query}`;
  if (isInQuery) return { target, content: request.content };
  const text = decodeText(request.content);
  if (kind === "form") return { target, content: Buffer.from(editPairs(text, edits, true)) };
  // privacyIDEA undoes no percent encoding in JSON.
  const set = new Map([...edits.set].map(([name, value]) => [name, JSON.stringify(value)]));
  return { target, content: Buffer.from(editMembers(text, set, edits.remove)) };
}

/** The pairs of a query or a form. Those to be set are taken away where they are not to be put. */
function editPairs(text: string, edits: ParameterEdits, isHere: boolean): string {
  const isTwice = edits.decoding === "twice";
  let written = "";
  const add = (pair: string): void => {
    const encoded = isTwice ? encodeTwice(pair) : pair;
    written += written === "" ? encoded : `&${encoded}`;
  };
  for (let start = 0; start < text.length; ) {
    const pair = pairAt(text, start);
    start += pair.length + 1;
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodePair(equals < 0 ? pair : pair.slice(0, equals));
    if (!edits.set.has(name) && !edits.remove(name)) add(pair);
  }
  if (isHere) {
    for (const [name, value] of edits.set) {
      add(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    }
  }
  return written;
}

/**
 * Encodes a percent sign that is one once more, so that it is still one after the encoding was undone twice. Sequences that
 * encode another character need nothing: that character comes out the first time, and is left alone the second time.
 */
function encodeTwice(text: string): string {
  return text.includes("%") ? text.replace(/%25|%(?![0-9A-Fa-f]{2})/g, "%2525") : text;
}
