import { ConcordatError } from "../../core/index.js";

/** The result codes of RFC 4511 §4.1.9, RFC 3909 §2.3 and RFC 4533 §2.6 that the directory answers with. */
export const ResultCode = {
  /** The operation was done. */
  success: 0,
  /** StartTLS where TLS is in use already, or while searches are under way. */
  operationsError: 1,
  /** A request that is malformed or makes no sense, such as an unknown extended operation. */
  protocolError: 2,
  /** A search found more entries than the client's size limit. */
  sizeLimitExceeded: 4,
  /** No value of the attribute is the asserted one. */
  compareFalse: 5,
  /** A value of the attribute is the asserted one. */
  compareTrue: 6,
  /** A bind that is not simple. */
  authMethodNotSupported: 7,
  /** A write by a client that did not bind, or a read where `anonymousRead` is off. */
  strongerAuthRequired: 8,
  /** A critical control that is unknown or does not apply, or an unusable DirSync cookie. */
  unavailableCriticalExtension: 12,
  /** The attribute to delete or to compare, or the value to delete, is not there. */
  noSuchAttribute: 16,
  /** The name is not that of an attribute. */
  undefinedAttributeType: 17,
  /** A write to an operational attribute, or several values of one that has a single value. */
  constraintViolation: 19,
  /** The value to add is there already, or one was given twice. */
  attributeOrValueExists: 20,
  /** A value that the syntax of its attribute does not allow. */
  invalidAttributeSyntax: 21,
  /** There is no entry of this DN. `matchedDn` is the nearest one above it. */
  noSuchObject: 32,
  /** The text is not a DN. */
  invalidDNSyntax: 34,
  /** A bind with a DN or password that is not right. */
  invalidCredentials: 49,
  /** A write, or a comparison of passwords, by another one than the administrator. */
  insufficientAccessRights: 50,
  /** Too many searches at once on one connection, or a client that does not read its changes. */
  busy: 51,
  /** What the directory does not do, such as a bind without a password or an entry outside the suffix. */
  unwillingToPerform: 53,
  /** A value of the RDN would be taken from the entry. */
  namingViolation: 64,
  /** An entry without an object class. */
  objectClassViolation: 65,
  /** The entry to delete has entries below it. */
  notAllowedOnNonLeaf: 66,
  /** There is an entry of this DN already. */
  entryAlreadyExists: 68,
  /** A fault of the directory itself. */
  other: 80,
  /** The search that ended was cancelled by the client (RFC 3909 §2.3). */
  canceled: 118,
  /** There is no search of this message id to cancel (RFC 3909 §2.3). */
  noSuchOperation: 119,
  /** The cookie cannot be resumed from; begin without one (e-syncRefreshRequired, RFC 4533 §2.6). */
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
