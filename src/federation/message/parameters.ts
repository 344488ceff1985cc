import { isUtf8 } from "node:buffer";
import { FederationError } from "../errors.js";
import { endOfString, jsonMembers } from "./json-members.js";
import type { EventRequest } from "./request.js";

/** The parameters of a request by name. Those of a form or a query are strings; those of JSON may be anything. */
export type Parameters = ReadonlyMap<string, unknown>;

/** How the content of a request says its parameters; `other`: in a way that is not understood, such as a file upload. */
export type ContentKind = "none" | "form" | "json" | "other";

/** How deep JSON from outside may be nested. */
const maxDepth = 64;

/** How the content says its parameters. */
export function contentKind(request: EventRequest): ContentKind {
  if (request.content.length === 0) return "none";
  const encoding = request.field("content-encoding");
  if (encoding !== undefined && encoding !== "identity") return "other";
  const [type = ""] = (request.field("content-type") ?? "").split(";");
  const kind = type.trim().toLowerCase();
  if (kind === "application/x-www-form-urlencoded") return "form";
  return kind === "application/json" || kind.endsWith("+json") ? "json" : "other";
}

/**
 * The parameters of a request, as privacyIDEA merges them: those of the path, the query, a form, and a JSON object. A name that
 * occurs twice is refused: whoever checks the request could read the one and whoever carries it out the other.
 *
 * @throws {FederationError}
 */
export function readParameters(request: EventRequest): Parameters {
  const kind = contentKind(request);
  if (request.query === "" && kind === "none") return request.pathParameters;
  const parameters = new Map<string, unknown>(request.pathParameters);
  addPairs(parameters, request.query);
  if (kind === "form") addPairs(parameters, decodeText(request.content));
  else if (kind === "json") addMembers(parameters, decodeText(request.content));
  return parameters;
}

/** A parameter as text, if it is a number or a text that is not empty. */
export function textParameter(parameters: Parameters, name: string): string | undefined {
  const value = parameters.get(name);
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" ? String(value) : undefined;
}

/** The text of a content. @throws {FederationError} it is not UTF-8. */
export function decodeText(content: Uint8Array): string {
  if (!isUtf8(content)) throw new FederationError("bad_content");
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString();
}

/** The name or value of a pair of a form or query, decoded once. Percent signs that encode nothing stay what they are. */
export function decodePair(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced.replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
  } catch (cause) {
    throw new FederationError("bad_content", undefined, { cause });
  }
}

/** The pair of a form or query that begins at a place; an empty one where two separators follow each other. */
export function pairAt(text: string, start: number): string {
  const end = text.indexOf("&", start);
  return end < 0 ? text.slice(start) : text.slice(start, end);
}

function addPairs(parameters: Map<string, unknown>, text: string): void {
  for (let start = 0; start < text.length; ) {
    const pair = pairAt(text, start);
    start += pair.length + 1;
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodePair(equals < 0 ? pair : pair.slice(0, equals));
    add(parameters, name, equals < 0 ? "" : decodePair(pair.slice(equals + 1)));
  }
}

function addMembers(parameters: Map<string, unknown>, text: string): void {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FederationError("bad_content");
  }
  const values = new Map<string, unknown>(Object.entries(value));
  for (const { name } of jsonMembers(text)) add(parameters, name, values.get(name));
}

function add(parameters: Map<string, unknown>, name: string, value: unknown): void {
  if (parameters.has(name)) throw new FederationError("ambiguous_parameter", name);
  parameters.set(name, value);
}

/**
 * Reads a JSON text from outside.
 *
 * @throws {FederationError} it is not JSON, or nested deeper than anybody nests it in good faith.
 */
export function parseJson(text: string): unknown {
  if (depthOf(text) > maxDepth) throw new FederationError("bad_content");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FederationError("bad_content", undefined, { cause: withoutContent(cause) });
  }
}

/** An error of `JSON.parse` quotes the text, in which a password may be: only its kind is kept. */
function withoutContent(cause: unknown): Error | undefined {
  return cause instanceof Error ? new Error(cause.name) : undefined;
}

/** How deep a JSON text is nested, strings left out. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at) - 1;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}
