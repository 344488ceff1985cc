import { isNestedDeeper } from "../../core/index.js";
import { InvalidSyntaxError } from "../../scim/index.js";
import { ScimRequestError } from "./request-error.js";

/** A JSON object whose names are the client's. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the body of a request as JSON. RFC 7644 §3.8. How large and how deep it is, is looked at before it is parsed.
 *
 * @param isAlsoRead Whether a body of another media type is read, by its name in lower case.
 * @throws {ScimRequestError} 413: it is larger than the limit. 415: it says that it is something else than JSON in UTF-8.
 * @throws {InvalidSyntaxError} it is not JSON, or deeper than the limit.
 */
export async function readBody(
  request: Request,
  limits: { readonly bytes: number; readonly depth: number },
  isAlsoRead: (type: string) => boolean,
): Promise<unknown> {
  demandJson(request.headers, isAlsoRead);
  const text = decoded(await readBytes(request, limits.bytes));
  if (isNestedDeeper(text, limits.depth)) {
    throw new InvalidSyntaxError(`The body is nested deeper than ${limits.depth} levels.`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidSyntaxError("The body is not JSON.", { cause });
  }
}

/** A body without a type is taken for JSON, since some clients leave it out of what they send. */
function demandJson(headers: Headers, isAlsoRead: (type: string) => boolean): void {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  const isJson =
    ["application/scim+json", "application/json", ""].includes(type.trim()) ||
    isAlsoRead(type.trim());
  const isUtf8 = parameters.every((parameter) => {
    const [name = "", value = ""] = parameter.split("=");
    return name.trim() !== "charset" || ["utf-8", '"utf-8"'].includes(value.trim());
  });
  const encoding = headers.get("content-encoding") ?? "identity";
  if (!isJson || !isUtf8 || encoding.toLowerCase() !== "identity") {
    throw new ScimRequestError(415, "A body is application/scim+json in UTF-8, not compressed.", {
      headers: { "Accept-Patch": "application/scim+json", "Accept-Post": "application/scim+json" },
    });
  }
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const { body, headers } = request;
  if (body === null) return new Uint8Array();
  const stated = headers.get("content-length");
  if (stated !== null && Number(stated) > limit) throw tooLarge(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      // Nobody waits for the end of what is not wanted, nor for the news that it will not come.
      reader.cancel().catch(() => {});
      throw tooLarge(limit);
    }
    chunks.push(value);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
}

function tooLarge(limit: number): ScimRequestError {
  return new ScimRequestError(413, `The body is larger than maxPayloadSize (${limit}).`);
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidSyntaxError("The body is not UTF-8.", { cause });
  }
}
