import { ConcordatError } from "../../core/index.js";
import type { ScimType } from "../../scim/index.js";

/**
 * The service provider responded with what is none of the errors that callers handle in their own ways, or what cannot
 * be read. It is also the `cause` of those other errors, for who wants to know the status.
 */
export class ScimResponseError extends ConcordatError {
  override readonly name = "ScimResponseError";
  override readonly code = "scim_response";
  /** The HTTP status code. */
  readonly status: number;
  /** The detail error keyword, where there is one. RFC 7644 §3.12, table 9. */
  readonly scimType?: ScimType;
  /** What the service provider says is wrong, for people; without the credentials and the password of the request. */
  readonly detail?: string;

  constructor(
    message: string,
    status: number,
    options: {
      readonly scimType?: ScimType;
      readonly detail?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    const { scimType, detail, ...rest } = options;
    super(message, rest);
    this.status = status;
    if (scimType !== undefined) this.scimType = scimType;
    if (detail !== undefined) this.detail = detail;
  }
}
