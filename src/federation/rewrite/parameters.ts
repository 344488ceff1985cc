import { FederationError } from "../errors.js";
import { editMembers } from "../message/json-members.js";
import { contentKind, decodePair, formText, isDecisive, pairAt } from "../message/parameters.js";
import type { EventRequest } from "../message/request.js";
import { decodeText } from "../message/text.js";

/** What becomes of the parameters of a request on its way to a server. */
export interface ParameterEdits {
  /** Parameters that the server is to get instead of those that the client sent, or in addition. */
  readonly set: ReadonlyMap<string, string>;
  /** Whether a parameter stays at home. */
  readonly remove: (name: string) => boolean;
  /** How often the server undoes percent encoding in a query, a form and a path. */
  readonly decoding: "once" | "twice";
}

/** A request with its parameters edited. */
export interface RewrittenRequest {
  readonly target: string;
  readonly content: Uint8Array;
  /** The type of the content, where it is another than that of the request. */
  readonly contentType?: string;
}

/**
 * The target and the content of a request with its parameters edited. What is not edited stays as it is, byte for byte;
 * but a form that was sent as parts goes on as one that is not, and of equal values of a decisive parameter one goes
 * on.
 *
 * @throws {FederationError} the content says its parameters in a way that cannot be rewritten: a file upload, or
 * encoded.
 */
export function rewriteParameters(request: EventRequest, edits: ParameterEdits): RewrittenRequest {
  const kind = contentKind(request);
  if (kind === "other") throw new FederationError("unsupported_content");
  const isInQuery = kind === "none";
  const written = new Set<string>();
  const query = editPairs(request, request.query, edits, isInQuery, written);
  const path = edits.decoding === "twice" ? encodeTwice(request.path) : request.path;
  const target = query === "" ? path : `${path}?${query}`;
  if (isInQuery) return { target, content: request.content };
  if (kind !== "json") {
    const pairs = editPairs(request, formText(request, kind), edits, true, written);
    const content = Buffer.from(pairs);
    return kind === "form" ? { target, content } : { target, content, contentType: formType };
  }
  const text = decodeText(request.content);
  // privacyIDEA undoes no percent encoding in JSON.
  const set = new Map([...edits.set].map(([name, value]) => [name, JSON.stringify(value)]));
  return { target, content: Buffer.from(editMembers(text, set, edits.remove)) };
}

const formType = "application/x-www-form-urlencoded";

/**
 * The pairs of a query or a form. Those to be set are taken away where they are not to be put.
 *
 * @param written the decisive parameters that were written before, each of which has one value only.
 */
function editPairs(
  request: EventRequest,
  text: string,
  edits: ParameterEdits,
  isHere: boolean,
  written: Set<string>,
): string {
  const isTwice = edits.decoding === "twice";
  let pairs = "";
  const add = (pair: string): void => {
    // privacyIDEA undoes the encoding of names once only.
    const value = isTwice ? pair.indexOf("=") + 1 : 0;
    const encoded = value > 0 ? pair.slice(0, value) + encodeTwice(pair.slice(value)) : pair;
    pairs += pairs === "" ? encoded : `&${encoded}`;
  };
  for (let start = 0; start < text.length; ) {
    const pair = pairAt(text, start);
    start += pair.length + 1;
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodePair(equals < 0 ? pair : pair.slice(0, equals));
    if (edits.set.has(name) || edits.remove(name)) continue;
    if (isDecisive(name, request)) {
      if (written.has(name)) continue;
      written.add(name);
    }
    add(pair);
  }
  if (isHere) {
    for (const [name, value] of edits.set) {
      add(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    }
  }
  return pairs;
}

/**
 * Encodes a percent sign that is one once more, so that it is still one after the encoding was undone twice. Sequences
 * that encode another character need nothing: that character comes out the first time, and is left alone the second
 * time.
 */
function encodeTwice(text: string): string {
  return text.includes("%") ? text.replace(/%25|%(?![0-9A-Fa-f]{2})/g, "%2525") : text;
}
