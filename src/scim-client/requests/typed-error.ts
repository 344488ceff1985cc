import {
  type ConcordatError,
  InvalidValueError,
  MutabilityError,
  NotFoundError,
  TooManyError,
  UnavailableError,
  UniquenessError,
  UnsupportedError,
  VersionConflictError,
} from "../../core/index.js";
import {
  InvalidFilterError,
  InvalidPathError,
  InvalidSyntaxError,
  NoTargetError,
  type ScimType,
} from "../../scim/index.js";
import { errorId, uniqueAttributes } from "../../scim/internal.js";
import { byName, isObject } from "./read-response.js";
import type { ScimRequest } from "./request.js";
import { ScimResponseError } from "./response-error.js";

/** How an error was returned: alone, or in the response to a bulk request. */
export interface ErrorResponse {
  readonly status: number;
  /** The body, if it could be read. */
  readonly body: unknown;
  /** How long to wait before the next try, in milliseconds. */
  readonly retryAfter?: number | undefined;
}

/** What of a request says what an error in the response means. */
export type ErrorContext = Pick<ScimRequest, "method" | "type" | "id" | "ifVersion" | "stated">;

/** The longest text of a service provider that is repeated, in UTF-16 code units. */
const maxDetail = 500;

/**
 * The error that a response comes to. RFC 7644 §3.12.
 *
 * @param secrets What must not be repeated, although the service provider does.
 */
export function typedError(
  { status, body, retryAfter }: ErrorResponse,
  request: ErrorContext,
  secrets: readonly string[],
): ConcordatError {
  const { scimType, detail } = messageIn(body, secrets);
  const said = detail === undefined ? "" : ` ${detail}`;
  const cause = new ScimResponseError(
    `The service provider responded with ${status}.${said}`,
    status,
    {
      ...(scimType !== undefined && { scimType }),
      ...(detail !== undefined && { detail }),
    },
  );
  if (status === 404 || status === 410) {
    return request.id === undefined
      ? new UnsupportedError("The service provider has no such endpoint.", { cause })
      : new NotFoundError(request.id, { cause });
  }
  if (status === 412) return new VersionConflictError(cause.message, { cause });
  if (status === 409) return conflict(request, scimType, cause);
  if (status === 413) return new TooManyError(cause.message, 0, { cause });
  if ([403, 405, 406, 415, 501].includes(status)) {
    return new UnsupportedError(cause.message, { cause });
  }
  if ([408, 425, 429].includes(status) || status >= 500) {
    // A service provider that has too much to do has not begun; any other may have failed half way, or may be a proxy
    // that lost the response.
    const isBegun =
      status !== 425 && status !== 429 && (status !== 503 || retryAfter === undefined);
    return new UnavailableError(cause.message, {
      cause,
      mayBeDone: isBegun && request.method !== "GET",
      ...(retryAfter !== undefined && { retryAfter }),
    });
  }
  return status === 400 || status === 422 ? badRequest(request, scimType, cause) : cause;
}

/**
 * The status of an error (RFC 7644 §3.12) in a response with a success, as some gateways send it, and is none for that;
 * 500 where it does not say which.
 */
export function failedStatusIn(body: unknown): number | undefined {
  if (!isObject(body)) return undefined;
  const message = byName(body);
  const schemas = message.get("schemas");
  const isError =
    Array.isArray(schemas) &&
    schemas.some((uri) => String(uri).toLowerCase() === errorId.toLowerCase());
  if (!isError) return undefined;
  const status = Number(message.get("status"));
  return status >= 400 && status < 600 ? status : 500;
}

/** RFC 7644 §3.12, table 8: a version that is not the latest, or a duplicate. */
function conflict(
  request: ErrorContext,
  scimType: ScimType | undefined,
  cause: ScimResponseError,
): ConcordatError {
  const isVersion =
    request.method === "DELETE" || (request.ifVersion !== undefined && scimType !== "uniqueness");
  return isVersion
    ? new VersionConflictError(cause.message, { cause })
    : new UniquenessError(uniquePath(request, cause), undefined, { cause });
}

function badRequest(
  request: ErrorContext,
  scimType: ScimType | undefined,
  cause: ScimResponseError,
): ConcordatError {
  const { message, detail = message } = cause;
  switch (scimType) {
    case "invalidFilter":
      return new InvalidFilterError(detail, { cause });
    case "invalidPath":
      return new InvalidPathError(detail, { cause });
    case "invalidSyntax":
      return new InvalidSyntaxError(detail, { cause });
    case "noTarget":
      return new NoTargetError(detail, { cause });
    case "tooMany":
      return new TooManyError(detail, 0, { cause });
    case "uniqueness":
      return new UniquenessError(uniquePath(request, cause), undefined, { cause });
    case "mutability":
      return new MutabilityError(pathIn(request, cause), detail, { cause });
    case "invalidVers":
    case "sensitive":
      return new UnsupportedError(message, { cause });
    case "invalidCursor":
    case "expiredCursor":
      return new InvalidValueError("cursor", detail, { cause });
    case "invalidCount":
      return new InvalidValueError("count", detail, { cause });
    default:
      return new InvalidValueError(pathIn(request, cause), detail, { cause });
  }
}

/**
 * The attribute whose value is taken: of the unique ones that were sent the one that the service provider names, or the
 * first. Some service providers do not let two groups have one name, although they may (RFC 7643 §4.2).
 */
function uniquePath({ type, stated = [] }: ErrorContext, cause: ScimResponseError): string {
  const unique = type === undefined ? [] : uniqueAttributes(type).map(({ path }) => path);
  const sent = [...unique, "displayName"].filter((path) => stated.includes(path));
  return named(sent, cause) ?? sent[0] ?? unique[0] ?? "id";
}

/** The path that is meant: the only one that was sent, or the only one of those that the service provider names. */
function pathIn({ stated = [], type }: ErrorContext, cause: ScimResponseError): string {
  const [first, ...others] = stated;
  if (first !== undefined && others.length === 0) return first;
  return named(stated, cause) ?? type?.name ?? "request";
}

/** The only one of some paths that the service provider names. */
function named(paths: readonly string[], { detail = "" }: ScimResponseError): string | undefined {
  const words = new Set(detail.split(/[^\w.:$-]+/).map((word) => word.replace(/[.:]+$/, "")));
  const found = paths.filter((path) => words.has(path));
  return found.length === 1 ? found[0] : undefined;
}

const scimTypes: ReadonlySet<string> = new Set<ScimType>([
  "invalidFilter",
  "tooMany",
  "uniqueness",
  "mutability",
  "invalidSyntax",
  "invalidPath",
  "noTarget",
  "invalidValue",
  "invalidVers",
  "sensitive",
  "invalidCursor",
  "expiredCursor",
  "invalidCount",
]);

function messageIn(
  body: unknown,
  secrets: readonly string[],
): { readonly scimType?: ScimType; readonly detail?: string } {
  if (!isObject(body)) return {};
  const message = byName(body);
  const [scimType, detail] = [message.get("scimtype"), message.get("detail")];
  return {
    ...(isScimType(scimType) && { scimType }),
    ...(typeof detail === "string" && detail !== "" && { detail: repeatable(detail, secrets) }),
  };
}

function isScimType(value: unknown): value is ScimType {
  return typeof value === "string" && scimTypes.has(value);
}

/** What a service provider said, without secrets, in one line of bounded length. */
function repeatable(detail: string, secrets: readonly string[]): string {
  let text = detail;
  for (const secret of secrets) if (secret !== "") text = text.replaceAll(secret, "…");
  text = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  return text.length > maxDetail ? `${text.slice(0, maxDetail)}…` : text;
}
