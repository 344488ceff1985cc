import type { KeyObject } from "node:crypto";
import { FederationError } from "../errors.js";
import { fieldValue } from "../message/field-lines.js";
import { editMembers, type JsonMember, jsonMembers } from "../message/json-members.js";
import { parseJson } from "../message/parameters.js";
import type { BufferedResponse } from "../message/request.js";
import { decodeText } from "../message/text.js";
import { signResponse } from "./response-signature.js";

/** A response of privacyIDEA's API: its text, and what it says. */
export interface ApiResponse {
  readonly text: string;
  readonly body: ApiBody;
  /** The members of the text. */
  readonly members: readonly JsonMember[];
}

/** The object that every response of privacyIDEA's API is. */
export interface ApiBody {
  /** Absent only where there is nothing of the kind. */
  readonly result?: Readonly<Record<string, unknown>>;
  readonly detail?: unknown;
  readonly nonce?: unknown;
  readonly signature?: unknown;
}

/**
 * Reads a response of privacyIDEA's API.
 *
 * @param isNotFound whether it says that there is nothing of the kind, which privacyIDEA says without a result.
 * @returns `undefined` if it is not one: not JSON, not an object, without a result, or with a member twice where it
 * matters.
 */
export function readApiResponse(
  fields: readonly string[],
  content: Uint8Array,
  isNotFound = false,
): ApiResponse | undefined {
  const type = fieldValue(fields, "content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) return undefined;
  if (fieldValue(fields, "content-encoding") !== undefined) return undefined;
  try {
    const text = decodeText(content);
    const body = parseJson(text);
    if (!isApiBody(body, isNotFound)) return undefined;
    const members = jsonMembers(text);
    return isAmbiguous(text, members, body) ? undefined : { text, body, members };
  } catch (error) {
    if (error instanceof FederationError) return undefined;
    throw error;
  }
}

/**
 * The text of a response that says where it comes from. The rest of it stays as the server wrote it, but for its
 * signature, which would no longer be right.
 *
 * @param members more members to set: their names, and the JSON text of their values.
 * @returns `undefined` if there is a `detail` which is neither an object nor null, so that it cannot be said.
 */
export function withOrigin(
  { text, body, members: top }: ApiResponse,
  origin: string,
  members: ReadonlyMap<string, string> = new Map(),
): string | undefined {
  const written = JSON.stringify(origin);
  const { detail: said } = body;
  let detail = `{"origin": ${written}}`;
  if (isRecord(said)) {
    const member = top.findLast(({ name }) => name === "detail");
    if (member === undefined) return undefined;
    const own = text.slice(member.valueStart, member.valueEnd);
    if (Object.hasOwn(said, "origin")) detail = editMembers(own, new Map([["origin", written]]));
    else if (!/^\{\s*\}$/.test(own)) detail = `${own.slice(0, -1)}, "origin": ${written}}`;
  } else if (said !== undefined && said !== null) return undefined;
  return editMembers(text, new Map([["detail", detail], ...members]), isOfThisResponse, top);
}

/** Whether a member is about the very response that a server has sent, which is another one now. */
function isOfThisResponse(name: string): boolean {
  return name === "signature" || name === "nonce";
}

/**
 * A response without a `detail` that is null, which breaks a privacyIDEA that has passed the request on. As it is,
 * where that is not so.
 *
 * @param key what the rest is signed with; without one it is not signed, since the signature of the whole is none of
 * the rest.
 */
export function withoutNullDetail(
  response: BufferedResponse,
  key: KeyObject | undefined,
): BufferedResponse {
  const { fields, content } = response;
  if (!hasNullDetail.test(Buffer.from(content).toString("latin1"))) return response;
  const read = readApiResponse(fields, content);
  if (read === undefined || read.body.detail !== null) return response;
  const text = editMembers(
    read.text,
    new Map(),
    (name) => name === "detail" || name === "signature",
  );
  const written = key === undefined ? text : signResponse(text, key);
  return { ...response, content: Buffer.from(written) };
}

const hasNullDetail = /"detail"\s{0,64}:\s{0,64}null/;

/** The origin that a response reports of itself. */
export function reportedOrigin({ body }: ApiResponse): string | undefined {
  const origin = isRecord(body.detail) ? body.detail["origin"] : undefined;
  return typeof origin === "string" ? origin : undefined;
}

/**
 * Whether a member of the response, of its result or of its detail occurs twice, so that readers may take one or the
 * other.
 */
function isAmbiguous(text: string, members: readonly JsonMember[], body: ApiBody): boolean {
  // Of a name that occurs twice JSON.parse keeps one.
  if (members.length > Object.keys(body).length) return true;
  return members.some(({ name, valueStart }) => {
    if (name !== "result" && name !== "detail") return false;
    const value = body[name];
    return isRecord(value) && jsonMembers(text, valueStart).length > Object.keys(value).length;
  });
}

function isApiBody(value: unknown, isNotFound: boolean): value is ApiBody {
  if (!isRecord(value)) return false;
  return Object.hasOwn(value, "result") ? isRecord(value["result"]) : isNotFound;
}

/** Whether a value of JSON is an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
