import { isNestedDeeper } from "../../core/index.js";
import { readBody } from "../../http/index.js";
import { InvalidSyntaxError } from "../../scim/index.js";
import { ScimRequestError } from "./error.js";

/**
 * Reads the body of a request as JSON. RFC 7644 §3.8. How large and how deep it is, is looked at before it is parsed.
 *
 * @param isAlsoRead Whether a body of another media type is read, by its name in lower case.
 * @throws {ScimRequestError} 413: it is larger than the limit. 415: it says that it is something else than JSON in UTF-8.
 * @throws {InvalidSyntaxError} it is not JSON, or deeper than the limit.
 */
export async function readJson(
  request: Request,
  { maxBodyBytes, depth }: { readonly maxBodyBytes: number; readonly depth: number },
  isAlsoRead: (type: string) => boolean,
): Promise<unknown> {
  demandJson(request.headers, isAlsoRead);
  const tooLarge = (): ScimRequestError =>
    new ScimRequestError(413, `The body is larger than maxPayloadSize (${maxBodyBytes}).`);
  const text = decoded(await readBody(request, { maxBodyBytes, tooLarge }));
  if (isNestedDeeper(text, depth)) {
    throw new InvalidSyntaxError(`The body is nested deeper than ${depth} levels.`);
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

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidSyntaxError("The body is not UTF-8.", { cause });
  }
}
