import { isNestedDeeper } from "../../core/index.js";
import type { WireResponse } from "./exchange.js";
import { ScimResponseError } from "./response-error.js";

/**
 * Reads the body of a response as JSON. RFC 7644 §3.8.
 *
 * @returns `undefined` if there is none.
 * @throws {ScimResponseError} it is something else, or deeper than the limit.
 */
export function readResponse(response: WireResponse, maxDepth: number): unknown {
  const { status, body } = response;
  if (body.length === 0) return undefined;
  if (!isJson(response)) {
    throw new ScimResponseError("The response is not JSON in UTF-8, or is compressed.", status);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new ScimResponseError("The response is not UTF-8.", status, { cause });
  }
  if (isNestedDeeper(text, maxDepth)) {
    throw new ScimResponseError(`The response is nested deeper than ${maxDepth} levels.`, status);
  }
  try {
    return JSON.parse(text);
  } catch {
    // The cause would quote the response.
    throw new ScimResponseError("The response is not JSON.", status);
  }
}

/**
 * Whether a response says that it is JSON. RFC 7644 §3.8 has clients accept both media types; some service providers
 * have misspelled ones, such as `application/json+scim` and `text/json`, or none.
 */
function isJson(response: WireResponse): boolean {
  const [type = "", ...parameters] = (response.header("content-type") ?? "")
    .toLowerCase()
    .split(";");
  const subtype = type.trim().split("/")[1] ?? "json";
  const isUtf8 = parameters.every((parameter) => {
    const [name = "", value = ""] = parameter.split("=");
    return name.trim() !== "charset" || /^\s*"?utf-?8"?\s*$/.test(value);
  });
  const encoding = (response.header("content-encoding") ?? "identity").toLowerCase();
  return subtype.split("+").includes("json") && isUtf8 && encoding === "identity";
}

/** Whether something is an object of JSON. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The members of an object by their names in lower case: names are read in any case (RFC 7643 §2.1). */
export function byName(value: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value).map(([name, inner]) => [name.toLowerCase(), inner]));
}
