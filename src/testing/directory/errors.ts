import { ConcordatError } from "../../core/index.js";

/** The result codes of RFC 4511 §4.1.9, RFC 3909 §2.3 and RFC 4533 §2.6 that the directory answers with. */
export const ResultCode = {
  success: 0,
  operationsError: 1,
  protocolError: 2,
  sizeLimitExceeded: 4,
  compareFalse: 5,
  compareTrue: 6,
  authMethodNotSupported: 7,
  strongerAuthRequired: 8,
  unavailableCriticalExtension: 12,
  noSuchAttribute: 16,
  undefinedAttributeType: 17,
  constraintViolation: 19,
  attributeOrValueExists: 20,
  invalidAttributeSyntax: 21,
  noSuchObject: 32,
  invalidDNSyntax: 34,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  busy: 51,
  unwillingToPerform: 53,
  namingViolation: 64,
  objectClassViolation: 65,
  notAllowedOnNonLeaf: 66,
  entryAlreadyExists: 68,
  other: 80,
  canceled: 118,
  noSuchOperation: 119,
  syncRefreshRequired: 4096,
} as const;

/**
 * The directory refused an operation, as it would have on the wire.
 *
 * @see RFC 4511 §4.1.9
 */
export class DirectoryError extends ConcordatError {
  override readonly name = "DirectoryError";
  override readonly code = "directory";
  /** The LDAP result code, such as 32 for noSuchObject. */
  readonly resultCode: number;
  /** The DN of the last entry that was found on the way to the one that was named. */
  readonly matchedDn: string;

  constructor(resultCode: number, message: string, matchedDn: string = "") {
    super(message);
    this.resultCode = resultCode;
    this.matchedDn = matchedDn;
  }
}
