import { FederationError } from "../errors.js";
import { endOfString, jsonMembers } from "./json-members.js";
import { multipartPairs } from "./multipart.js";
import { decodeText } from "./text.js";

/** The parameters of a request by name. Those of a form or a query are strings; those of JSON may be anything. */
export type Parameters = ReadonlyMap<string, unknown>;

/** What of a request parameters are read from. */
export interface ParameterSource {
  readonly method: string;
  readonly query: string;
  readonly content: Uint8Array;
  readonly pathParameters: ReadonlyMap<string, string>;
  /** The value of a header field, by its name in lower case. */
  field(name: string): string | undefined;
}

/**
 * How the content of a request says its parameters; `other`: in a way that is not understood, or that privacyIDEA does
 * not read.
 */
export type ContentKind = "none" | "form" | "parts" | "json" | "other";

/** How deep JSON from outside may be nested. */
const maxDepth = 64;

/** The parameters that say whom and what a request is about. */
export const subjectParameters: readonly string[] = [
  "user",
  "username",
  "realm",
  "resolver",
  "serial",
  "container_serial",
  "transaction_id",
];

/**
 * The parameters that decide who is meant and what is proved: said twice in two ways, one of them could be checked and
 * the other one carried out.
 */
const decisive: ReadonlySet<string> = new Set([
  ...subjectParameters,
  "userid",
  "resolvername",
  "state",
  "credential_id",
  "client",
  "nonce",
  "pass",
  "password",
  "otp",
  "otpkey",
  "otppin",
  "pin",
]);

/** Whether a parameter may have one value only. */
export function isDecisive(name: string, { pathParameters }: ParameterSource): boolean {
  return decisive.has(name) || pathParameters.has(name);
}

/**
 * How the content says its parameters. privacyIDEA reads JSON whatever the method is, and a form if the method is not
 * GET: what it would ignore must not be what is decided on.
 */
export function contentKind(request: ParameterSource): ContentKind {
  if (request.content.length === 0) return "none";
  const encoding = request.field("content-encoding");
  if (encoding !== undefined && encoding !== "identity") return "other";
  const [type = ""] = (request.field("content-type") ?? "").split(";");
  const kind = type.trim().toLowerCase();
  if (kind === "application/json" || /^application\/.*\+json$/.test(kind)) return "json";
  if (request.method === "GET" || request.method === "HEAD") return "other";
  if (kind === "application/x-www-form-urlencoded") return "form";
  return kind === "multipart/form-data" ? "parts" : "other";
}

/** The text of a form, also of one that was sent as parts. @throws {FederationError} it is not one. */
export function formText(request: ParameterSource, kind: "form" | "parts"): string {
  if (kind === "form") return decodeText(request.content);
  return multipartPairs(request.field("content-type") ?? "", request.content)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
}

/**
 * The parameters of a request, as privacyIDEA merges them: those of the path, a JSON object, the query, and a form. Of
 * several values of a name the first counts, of members of JSON the last. Of a decisive parameter all have to be equal,
 * and of any that is both in the query and in JSON: the checker of the request could read the one and the server that
 * carries it out the other.
 *
 * @throws {FederationError}
 */
export function readParameters(request: ParameterSource): Parameters {
  const kind = contentKind(request);
  if (request.query === "" && kind === "none") return request.pathParameters;
  const parameters = new Map<string, unknown>(request.pathParameters);
  if (kind === "json") {
    addMembers(parameters, decodeText(request.content), request);
    // Which of the two counts depends on the user agent.
    const query = new Map<string, unknown>();
    addPairs(query, request.query, request);
    for (const [name, value] of query) {
      if (!parameters.has(name)) parameters.set(name, value);
      else if (!isSame(parameters.get(name), value)) {
        throw new FederationError("ambiguous_parameter", name);
      }
    }
    return parameters;
  }
  addPairs(parameters, request.query, request);
  if (kind === "form" || kind === "parts") addPairs(parameters, formText(request, kind), request);
  return parameters;
}

/** A parameter as text, if it is a number or a text that is not empty. */
export function textParameter(parameters: Parameters, name: string): string | undefined {
  const value = parameters.get(name);
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" ? String(value) : undefined;
}

/**
 * The name or value of a pair of a form or query, decoded once. Percent signs that encode nothing stay what they are.
 */
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

function addPairs(parameters: Map<string, unknown>, text: string, request: ParameterSource): void {
  for (let start = 0; start < text.length; ) {
    const pair = pairAt(text, start);
    start += pair.length + 1;
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodePair(equals < 0 ? pair : pair.slice(0, equals));
    add(parameters, name, equals < 0 ? "" : decodePair(pair.slice(equals + 1)), request);
  }
}

function addMembers(
  parameters: Map<string, unknown>,
  text: string,
  request: ParameterSource,
): void {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FederationError("bad_content");
  }
  const values = new Map<string, unknown>(Object.entries(value));
  for (const { name, valueStart, valueEnd } of jsonMembers(text)) {
    const last = values.get(name);
    if (isDecisive(name, request)) {
      const written = text.slice(valueStart, valueEnd);
      assertPlainNumber(name, written);
      if (!isSame(JSON.parse(written), last))
        throw new FederationError("ambiguous_parameter", name);
    }
    add(parameters, name, last, request);
  }
}

/** A number that is printed otherwise than it was written is not the same text everywhere. */
function assertPlainNumber(name: string, written: string): void {
  if (/^[-\d]/.test(written) && !/^-?(?:0|[1-9]\d{0,14})$/.test(written)) {
    throw new FederationError("bad_parameter", name);
  }
}

function add(
  parameters: Map<string, unknown>,
  name: string,
  value: unknown,
  request: ParameterSource,
): void {
  if (!parameters.has(name)) parameters.set(name, value);
  else if (isDecisive(name, request) && !isSame(parameters.get(name), value)) {
    throw new FederationError("ambiguous_parameter", name);
  }
}

/** Whether two values of a parameter are the same text. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || (isPlain(one) && isPlain(other) && String(one) === String(other));
}

function isPlain(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

/**
 * Reads a JSON text from outside.
 *
 * @throws {FederationError} it is not JSON, or nested deeper than is allowed.
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
