/**
 * The short names of attribute types that directories commonly spell in several ways: the types that RFC 4514 §3 lists,
 * and those of RFC 4519, RFC 4524 and PKCS #9 that occur in names and in profiles. Keys are in lower case.
 */
const shortNames: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ["commonname", "cn"],
  ["2.5.4.3", "cn"],
  ["surname", "sn"],
  ["2.5.4.4", "sn"],
  ["2.5.4.5", "serialnumber"],
  ["countryname", "c"],
  ["2.5.4.6", "c"],
  ["localityname", "l"],
  ["2.5.4.7", "l"],
  ["stateorprovincename", "st"],
  ["2.5.4.8", "st"],
  ["streetaddress", "street"],
  ["2.5.4.9", "street"],
  ["organizationname", "o"],
  ["2.5.4.10", "o"],
  ["organizationalunitname", "ou"],
  ["2.5.4.11", "ou"],
  ["2.5.4.12", "title"],
  ["2.5.4.20", "telephonenumber"],
  ["2.5.4.31", "member"],
  ["2.5.4.41", "name"],
  ["gn", "givenname"],
  ["2.5.4.42", "givenname"],
  ["2.5.4.43", "initials"],
  ["2.5.4.50", "uniquemember"],
  ["userid", "uid"],
  ["0.9.2342.19200300.100.1.1", "uid"],
  ["rfc822mailbox", "mail"],
  ["0.9.2342.19200300.100.1.3", "mail"],
  ["domaincomponent", "dc"],
  ["0.9.2342.19200300.100.1.25", "dc"],
  ["mobiletelephonenumber", "mobile"],
  ["0.9.2342.19200300.100.1.41", "mobile"],
  ["email", "emailaddress"],
  ["pkcs9email", "emailaddress"],
  ["1.2.840.113549.1.9.1", "emailaddress"],
]);

/**
 * Attribute types of names whose values differ when they differ by case alone, by the short names that
 * {@link canonicalAttributeType} gives. In the schema of MIT Kerberos both have the rule caseExactIA5Match.
 */
export const caseExactTypes: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "krbprincipalname",
  "krbcanonicalname",
]);

/**
 * One spelling for an attribute description (RFC 4512 §2.5): in lower case, with the short name of the type where it
 * is a common one, and with its options, if any, as they are. `CommonName;lang-DE` becomes `cn;lang-de`.
 */
export function canonicalAttributeType(description: string): string {
  const lower = description.toLowerCase();
  const semicolon = lower.indexOf(";");
  const written = semicolon < 0 ? lower : lower.slice(0, semicolon);
  const type = written.startsWith("oid.") ? written.slice(4) : written;
  const name = shortNames.get(type) ?? type;
  return semicolon < 0 ? name : name + lower.slice(semicolon);
}
