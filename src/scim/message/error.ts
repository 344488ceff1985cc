/** The URI that an error response has in `schemas`. RFC 7644 §3.12. */
export const errorId = "urn:ietf:params:scim:api:messages:2.0:Error";

/** The detail error keywords. RFC 7644 §3.12, table 9; RFC 9865 §2.1, table 3. */
export type ScimType =
  | "invalidFilter"
  | "tooMany"
  | "uniqueness"
  | "mutability"
  | "invalidSyntax"
  | "invalidPath"
  | "noTarget"
  | "invalidValue"
  | "invalidVers"
  | "sensitive"
  | "invalidCursor"
  | "expiredCursor"
  | "invalidCount";

/** The body of an error response. RFC 7644 §3.12. */
export interface ErrorMessage {
  /** `errorId`. */
  readonly schemas: readonly [typeof errorId];
  /** The HTTP status code, in digits. */
  readonly status: string;
  /** What is wrong, for programs. As a rule only with the status 400 or 409. */
  readonly scimType?: ScimType;
  /** What is wrong, for people. */
  readonly detail?: string;
}

/** The body of an error response. */
export function errorMessage(
  status: number,
  detail: string | undefined,
  scimType?: ScimType,
): ErrorMessage {
  return {
    schemas: [errorId],
    ...(scimType !== undefined && { scimType }),
    ...(detail !== undefined && { detail }),
    status: String(status),
  };
}
