import { FederationError } from "../errors.js";
import { fieldValue } from "../message/field-lines.js";
import { editMembers, jsonMembers } from "../message/json-members.js";
import { decodeText, parseJson } from "../message/parameters.js";

/** An answer of privacyIDEA's API: its text, and what it says. */
export interface ApiAnswer {
  readonly text: string;
  readonly body: ApiBody;
}

/** The object that every answer of privacyIDEA's API is. */
export interface ApiBody {
  readonly result: Readonly<Record<string, unknown>>;
  readonly detail?: unknown;
  readonly nonce?: unknown;
  readonly signature?: unknown;
}

/**
 * Reads an answer of privacyIDEA's API.
 *
 * @returns `undefined` if it is not one: not JSON, not an object, without a result.
 */
export function readApiAnswer(
  fields: readonly string[],
  content: Uint8Array,
): ApiAnswer | undefined {
  const type = fieldValue(fields, "content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) return undefined;
  if (fieldValue(fields, "content-encoding") !== undefined) return undefined;
  try {
    const text = decodeText(content);
    const body = parseJson(text);
    return isApiBody(body) ? { text, body } : undefined;
  } catch (error) {
    if (error instanceof FederationError) return undefined;
    throw error;
  }
}

/**
 * The text of an answer that says where it comes from. The rest of it stays as the server wrote it, but for its signature, which
 * would no longer be right.
 *
 * @param members more members to set: their names, and the JSON text of their values.
 * @returns `undefined` if there is a `detail` which is neither an object nor null, so that it cannot be said.
 */
export function withOrigin(
  { text, body }: ApiAnswer,
  origin: string,
  members: ReadonlyMap<string, string> = new Map(),
): string | undefined {
  const written = JSON.stringify(origin);
  const top = jsonMembers(text);
  const { detail: said } = body;
  let detail = `{"origin": ${written}}`;
  if (isRecord(said)) {
    const member = top.findLast(({ name }) => name === "detail");
    if (member === undefined) return undefined;
    const own = text.slice(member.valueStart, member.valueEnd);
    if (Object.hasOwn(said, "origin")) detail = editMembers(own, new Map([["origin", written]]));
    else if (!/^\{\s*\}$/.test(own)) detail = `${own.slice(0, -1)}, "origin": ${written}}`;
  } else if (said !== undefined && said !== null) return undefined;
  return editMembers(text, new Map([["detail", detail], ...members]), isOfThisAnswer, top);
}

/** Whether a member is about the very answer that a server has sent, which is another one now. */
function isOfThisAnswer(name: string): boolean {
  return name === "signature" || name === "nonce";
}

/** The origin that an answer reports of itself. */
export function reportedOrigin({ body }: ApiAnswer): string | undefined {
  const origin = isRecord(body.detail) ? body.detail["origin"] : undefined;
  return typeof origin === "string" ? origin : undefined;
}

function isApiBody(value: unknown): value is ApiBody {
  return isRecord(value) && Object.hasOwn(value, "result") && isRecord(value["result"]);
}

/** Whether a value of JSON is an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
