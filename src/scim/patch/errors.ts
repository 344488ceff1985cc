import { ConcordatError } from "../../core/index.js";

/**
 * The body of a request does not have the structure of its message. RFC 7644 §3.12, status 400, scimType
 * `invalidSyntax`.
 */
export class InvalidSyntaxError extends ConcordatError {
  override readonly name = "InvalidSyntaxError";
  override readonly code = "invalid_syntax";
  /** The detail error keyword for the response. RFC 7644 §3.12, table 9. */
  readonly scimType = "invalidSyntax";
}

/**
 * A PATCH operation names no target, or its path selects none in the resource. RFC 7644 §3.12, status 400, scimType
 * `noTarget`.
 */
export class NoTargetError extends ConcordatError {
  override readonly name = "NoTargetError";
  override readonly code = "no_target";
  /** The detail error keyword for the response. RFC 7644 §3.12, table 9. */
  readonly scimType = "noTarget";
  /** The path of the attribute, without what a filter compares; absent where the operation has no path. */
  readonly path?: string;

  constructor(message: string, options?: { cause?: unknown; path?: string }) {
    super(message, options);
    if (options?.path !== undefined) this.path = options.path;
  }
}
