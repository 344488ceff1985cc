import {
  ConcordatError,
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

/**
 * The status of the response, from 200 to 599. A host's own functions throw it to refuse a request, such as
 * `policy.before` with the status 403; the message goes to the client.
 */
export class ScimRequestError extends ConcordatError {
  override readonly name = "ScimRequestError";
  override readonly code = "scim_request";
  /** The HTTP status code. RFC 7644 §3.12, table 8. */
  readonly status: number;
  /** The detail error keyword. RFC 7644 §3.12, table 9. */
  readonly scimType?: ScimType;
  /** Header fields that the response has beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    detail: string,
    options: {
      readonly scimType?: ScimType;
      readonly headers?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    const { scimType, headers = {}, ...rest } = options;
    super(detail, rest);
    // What no response can have fails here, where it was made, and not when it is sent.
    new Response(null, { status, headers });
    this.status = status;
    this.headers = headers;
    if (scimType !== undefined) this.scimType = scimType;
  }
}

/** What an error comes to on the wire. RFC 7644 §3.12. */
export interface Failure {
  readonly status: number;
  readonly scimType?: ScimType;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What an error comes to on the wire. Of one that is not the package's nothing is sent: it may hold anything. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ScimRequestError) {
    const { status, message: detail, scimType, headers } = error;
    return { status, detail, headers, ...(scimType !== undefined && { scimType }) };
  }
  if (error instanceof NotFoundError) return { status: 404, detail: error.message };
  if (error instanceof VersionConflictError) return { status: 412, detail: error.message };
  if (error instanceof UnsupportedError) return { status: 501, detail: error.message };
  if (error instanceof UnavailableError) {
    const { retryAfter, message: detail } = error;
    return retryAfter === undefined
      ? { status: 503, detail }
      : {
          status: 503,
          detail,
          headers: { "Retry-After": String(Math.ceil(retryAfter / 1000)) },
        };
  }
  if (error instanceof UniquenessError) {
    return { status: 409, scimType: "uniqueness", detail: error.message };
  }
  const scimType = keywordOf(error);
  return scimType !== undefined && error instanceof ConcordatError
    ? { status: 400, scimType, detail: error.message }
    : { status: 500, detail: "The service provider failed, and the reason is in its own log." };
}

function keywordOf(error: unknown): ScimType | undefined {
  if (error instanceof InvalidValueError) return "invalidValue";
  if (error instanceof MutabilityError) return "mutability";
  if (error instanceof TooManyError) return "tooMany";
  if (
    error instanceof InvalidFilterError ||
    error instanceof InvalidPathError ||
    error instanceof InvalidSyntaxError ||
    error instanceof NoTargetError
  ) {
    return error.scimType;
  }
  return undefined;
}
