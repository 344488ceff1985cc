import { ConcordatError } from "../../core/index.js";

/**
 * A filter does not follow the grammar, is larger than the limits allow, or asks of an attribute what cannot be asked
 * of it. RFC 7644 §3.12, status 400, scimType `invalidFilter`.
 */
export class InvalidFilterError extends ConcordatError {
  override readonly name = "InvalidFilterError";
  override readonly code = "invalid_filter";
  /** The detail error keyword for the response. RFC 7644 §3.12, table 9. */
  readonly scimType = "invalidFilter";
  /** Where in the text the fault is, as an index into the string; absent where the text follows the grammar. */
  readonly position?: number;

  constructor(message: string, options?: { cause?: unknown; position?: number }) {
    super(message, options);
    if (options?.position !== undefined) this.position = options.position;
  }
}

/**
 * The path of a PATCH operation does not follow the grammar, or names nothing that can be changed there: an attribute
 * that the type does not have, or a selection among the values of an attribute that has one. RFC 7644 §3.12, status
 * 400, scimType `invalidPath`. A fault between the brackets of a value path is an {@link InvalidFilterError}.
 */
export class InvalidPathError extends ConcordatError {
  override readonly name = "InvalidPathError";
  override readonly code = "invalid_path";
  /** The detail error keyword for the response. RFC 7644 §3.12, table 9. */
  readonly scimType = "invalidPath";
  /** Where in the text the fault is, as an index into the string; absent where the text follows the grammar. */
  readonly position?: number;

  constructor(message: string, options?: { cause?: unknown; position?: number }) {
    super(message, options);
    if (options?.position !== undefined) this.position = options.position;
  }
}
