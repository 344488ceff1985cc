/** The names of result codes: RFC 4511 §4.1.9, RFC 3909 §2.3 and RFC 4533 §2.6. */
const names: ReadonlyMap<number, string> = new Map([
  [0, "success"],
  [1, "operationsError"],
  [2, "protocolError"],
  [3, "timeLimitExceeded"],
  [4, "sizeLimitExceeded"],
  [5, "compareFalse"],
  [6, "compareTrue"],
  [7, "authMethodNotSupported"],
  [8, "strongerAuthRequired"],
  [10, "referral"],
  [11, "adminLimitExceeded"],
  [12, "unavailableCriticalExtension"],
  [13, "confidentialityRequired"],
  [14, "saslBindInProgress"],
  [16, "noSuchAttribute"],
  [17, "undefinedAttributeType"],
  [18, "inappropriateMatching"],
  [19, "constraintViolation"],
  [20, "attributeOrValueExists"],
  [21, "invalidAttributeSyntax"],
  [32, "noSuchObject"],
  [33, "aliasProblem"],
  [34, "invalidDNSyntax"],
  [36, "aliasDereferencingProblem"],
  [48, "inappropriateAuthentication"],
  [49, "invalidCredentials"],
  [50, "insufficientAccessRights"],
  [51, "busy"],
  [52, "unavailable"],
  [53, "unwillingToPerform"],
  [54, "loopDetect"],
  [64, "namingViolation"],
  [65, "objectClassViolation"],
  [66, "notAllowedOnNonLeaf"],
  [67, "notAllowedOnRDN"],
  [68, "entryAlreadyExists"],
  [69, "objectClassModsProhibited"],
  [71, "affectsMultipleDSAs"],
  [80, "other"],
  [118, "canceled"],
  [119, "noSuchOperation"],
  [120, "tooLate"],
  [121, "cannotCancel"],
  [4096, "e-syncRefreshRequired"],
]);

/** What the person who runs the program can do about a result code. */
const advice: ReadonlyMap<number, string> = new Map([
  [2, "The server does not know this operation or could not read the request."],
  [3, "Ask for fewer entries, or for more time."],
  [4, "Ask for fewer entries, or have the server's size limit raised for this account."],
  [7, "Choose another bind method; the root DSE's supportedSASLMechanisms lists some."],
  [
    8,
    "The server wants the connection protected: use TLS; or, for a GSSAPI bind that it refuses there too, " +
      "ldap: without TLS, whose protection is then that of the bind.",
  ],
  [10, "Another server holds the data: connect to that one, referrals are not followed."],
  [11, "Ask for fewer entries, or have the server's limits raised for this account."],
  [12, "The server does not offer a control that the request depends on."],
  [13, "The server wants the connection encrypted: use ldaps: or startTls."],
  [32, "There is no entry with that name, or this account may not see it: check the base."],
  [34, "The base is not a valid distinguished name."],
  [50, "This account may not do that: have it granted read access."],
  [51, "The server is busy; try again later."],
  [52, "The server is shutting down or cut off from its data; try again later."],
  [53, "The server refuses; its diagnosticMessage may say why."],
  [4096, "The synchronization must begin anew, without a cookie."],
]);

/** The name that the specification gives to a result code; for others the number. */
export function resultCodeName(code: number): string {
  return names.get(code) ?? String(code);
}

/** One or two sentences on what to do about a result code. */
export function resultCodeAdvice(code: number): string {
  return advice.get(code) ?? "The server's diagnosticMessage may say why.";
}
