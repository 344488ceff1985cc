/**
 * What the directory knows of attribute types and object classes: how values compare, and little more. It does not
 * require the attributes of a class.
 *
 * @see RFC 4519, RFC 2798, RFC 2307
 */

/** How the values of an attribute compare (RFC 4517 §4). */
export type Matching =
  | "caseIgnore"
  | "caseExact"
  | "integer"
  | "boolean"
  | "dn"
  | "octets"
  | "time"
  | "uuid"
  | "csn"
  | "objectClass";

/** An attribute type. */
export interface AttributeType {
  /** The name as the directory returns it. */
  readonly name: string;
  readonly matching: Matching;
  readonly singleValue: boolean;
  /** Whether the directory keeps the attribute itself and returns it only when asked to. */
  readonly operational: boolean;
}

const names: Readonly<Record<Matching, string>> = {
  caseIgnore: `cn sn givenName displayName! initials title description ou o c! l st street postalCode postalAddress
    telephoneNumber mobile pager facsimileTelephoneNumber homePhone homePostalAddress uid mail dc! businessCategory
    departmentNumber employeeNumber! employeeType preferredLanguage! company! department! employeeID!
    sAMAccountName! userPrincipalName! proxyAddresses roomNumber carLicense labeledURI gecos!
    generationQualifier dnQualifier serialNumber x121Address destinationIndicator host`,
  caseExact: "homeDirectory! loginShell! memberUid",
  integer: `userAccountControl! primaryGroupID! sAMAccountType! accountExpires! lockoutTime! uSNChanged! uidNumber! gidNumber! shadowLastChange! shadowMin! shadowMax! shadowWarning! shadowInactive! shadowExpire!
    shadowFlag!`,
  boolean: "isDeleted!",
  dn: "member uniqueMember owner manager seeAlso secretary roleOccupant memberOf",
  octets:
    "objectGUID! objectSid! userPassword jpegPhoto audio photo userCertificate userPKCS12 userSMIMECertificate",
  time: "whenChanged!",
  uuid: "",
  csn: "",
  objectClass: "objectClass",
};

const operationalNames: Readonly<Partial<Record<Matching, string>>> = {
  caseIgnore:
    "supportedControl supportedExtension supportedFeatures supportedLDAPVersion supportedSASLMechanisms vendorName! nsUniqueId!",
  integer: "entryUSN! lastusn! firstChangeNumber! lastChangeNumber!",
  dn: "namingContexts entryDN! creatorsName! modifiersName! subschemaSubentry!",
  boolean: "hasSubordinates!",
  time: "createTimestamp! modifyTimestamp!",
  uuid: "entryUUID!",
  csn: "entryCSN! contextCSN",
  objectClass: "structuralObjectClass!",
};

const aliases: ReadonlyMap<string, string> = new Map([
  ["commonname", "cn"],
  ["surname", "sn"],
  ["gn", "givenname"],
  ["userid", "uid"],
  ["rfc822mailbox", "mail"],
  ["domaincomponent", "dc"],
  ["organizationname", "o"],
  ["organizationalunitname", "ou"],
  ["countryname", "c"],
  ["localityname", "l"],
  ["stateorprovincename", "st"],
  ["streetaddress", "street"],
  ["fax", "facsimiletelephonenumber"],
  ["mobiletelephonenumber", "mobile"],
  ["hometelephonenumber", "homephone"],
]);

const types: ReadonlyMap<string, AttributeType> = new Map([
  ...read(names, false),
  ...read(operationalNames, true),
]);

/** Reads lists of names; an exclamation mark says that the attribute has one value at most. */
function* read(
  lists: Readonly<Partial<Record<Matching, string>>>,
  operational: boolean,
): Generator<[string, AttributeType]> {
  for (const [matching, list] of Object.entries(lists) as [Matching, string][]) {
    for (const word of list.split(/\s+/).filter((part) => part !== "")) {
      const name = word.replace("!", "");
      yield [name.toLowerCase(), { name, matching, operational, singleValue: name !== word }];
    }
  }
}

/** The key under which values of this attribute are kept: without options, in lower case, by its first name. */
export function attributeKey(description: string): string {
  const semicolon = description.indexOf(";");
  const type = (semicolon < 0 ? description : description.slice(0, semicolon)).toLowerCase();
  return aliases.get(type) ?? type;
}

/** The attribute type of a key; one that is not in the table compares exactly. */
export function attributeType(key: string): AttributeType | undefined {
  return types.get(key);
}

/** Whether an attribute holds passwords, whatever its options. */
export function isPassword(description: string): boolean {
  return attributeKey(description) === "userpassword";
}

/** Whether this is an attribute description (RFC 4512 §2.5), or one with an underscore, as several servers have. */
export function isAttributeDescription(description: string): boolean {
  return /^([a-z][\w-]*|\d+(\.\d+)+)(;[\w-]+)*$/i.test(description);
}

/** The classes that a class is derived from, from RFC 4519 §3, RFC 2798 §3 and RFC 4524 §3. */
const superclasses: ReadonlyMap<string, string> = new Map([
  ["inetorgperson", "organizationalperson"],
  ["organizationalperson", "person"],
  ["residentialperson", "person"],
]);

const structuralClasses: readonly string[] = [
  ...["inetOrgPerson", "organizationalPerson", "residentialPerson", "person", "account"],
  ...["groupOfNames", "groupOfUniqueNames", "organizationalRole", "organizationalUnit"],
  ...["organization", "locality", "country", "domain", "device", "applicationProcess"],
  "posixGroup",
];

/** Whether an entry of class `held` is of class `asserted` too, both in lower case. */
export function isOfClass(held: string, asserted: string): boolean {
  if (asserted === "top") return true;
  for (let name: string | undefined = held; name !== undefined; name = superclasses.get(name)) {
    if (name === asserted) return true;
  }
  return false;
}

/** The most derived structural class among an entry's classes, or the last one named where none is known. */
export function structuralClass(classes: readonly string[]): string {
  const held = new Set(classes.map((name) => name.toLowerCase()));
  return structuralClasses.find((name) => held.has(name.toLowerCase())) ?? classes.at(-1) ?? "top";
}
