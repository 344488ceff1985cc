import type { AttributePath } from "./schema.js";
import type { userDefinition } from "./user-definition.js";

/** What `/Schemas` says of the attributes of a user. */
export const userDescriptions: Readonly<Record<AttributePath<typeof userDefinition>, string>> = {
  userName:
    "The name by which the user is known to the service provider and, as a rule, signs in. Required, " +
    "and unique among all users.",
  name: "The components of the user's name.",
  "name.formatted":
    "The full name, with titles and suffixes, formatted for display, such as 'Ms. Barbara J Jensen, III'.",
  "name.familyName": "The family name, or last name in most Western languages, such as 'Jensen'.",
  "name.givenName": "The given name, or first name in most Western languages, such as 'Barbara'.",
  "name.middleName": "The middle name or names, such as 'Jane'.",
  "name.honorificPrefix": "What stands before the name, such as 'Ms.'.",
  "name.honorificSuffix": "What stands after the name, such as 'III'.",
  displayName: "The name of the user for display; the full name, where it is known.",
  nickName: "The casual way to address the user, such as 'Bob' for Robert. Not the userName.",
  profileUrl: "The URL of the user's online profile.",
  title: "The user's title, such as 'Vice President'.",
  userType:
    "How the user is related to the organization, such as 'Contractor', 'Employee', 'Intern', 'Temp' or 'External'.",
  preferredLanguage:
    "The written or spoken languages that the user prefers, in the form of the Accept-Language header, " +
    "such as 'en-US, de;q=0.7'.",
  locale: "The language tag by which currency, dates and numbers are shown, such as 'en-US'.",
  timezone:
    "The user's time zone, in the form of the IANA database, such as 'America/Los_Angeles'.",
  active: "Whether the account is in use. A user who is suspended is not active.",
  password: "The user's password in clear, to be set or replaced. It is never returned.",
  emails: "The user's e-mail addresses.",
  "emails.value": "An e-mail address, such as 'bjensen@example.com'.",
  "emails.display": "The address as it is to be shown.",
  "emails.type": "What the address is for: 'work', 'home' or 'other'.",
  "emails.primary": "Whether this is the preferred address. No more than one is.",
  phoneNumbers: "The user's telephone numbers.",
  "phoneNumbers.value": "A telephone number, such as 'tel:+1-201-555-0123'.",
  "phoneNumbers.display": "The number as it is to be shown.",
  "phoneNumbers.type":
    "What the number is for: 'work', 'home', 'mobile', 'fax', 'pager' or 'other'.",
  "phoneNumbers.primary": "Whether this is the preferred number. No more than one is.",
  ims: "The user's instant messaging addresses.",
  "ims.value": "An instant messaging address.",
  "ims.display": "The address as it is to be shown.",
  "ims.type": "The service that the address belongs to, such as 'xmpp'.",
  "ims.primary": "Whether this is the preferred address. No more than one is.",
  photos: "Pictures of the user.",
  "photos.value": "The URL of an image file.",
  "photos.display": "A name of the picture for display.",
  "photos.type": "The size of the picture: 'photo' or 'thumbnail'.",
  "photos.primary": "Whether this is the preferred picture. No more than one is.",
  addresses: "The user's postal addresses.",
  "addresses.formatted":
    "The full address, formatted for display or for a label. It may have several lines.",
  "addresses.streetAddress":
    "Street, house number and P.O. box. The address may have several lines.",
  "addresses.locality": "The city or locality.",
  "addresses.region": "The state or region.",
  "addresses.postalCode": "The postal code.",
  "addresses.country": "The country, as the two letters of ISO 3166-1 alpha-2, such as 'US'.",
  "addresses.type": "What the address is for: 'work', 'home' or 'other'.",
  "addresses.primary": "Whether this is the preferred address. No more than one is.",
  groups:
    "The groups that the user belongs to, directly, through another group, or by a rule. Memberships are " +
    "changed through the Group resource.",
  "groups.value": "The id of the group.",
  "groups.$ref": "The URI of the group.",
  "groups.display": "A human-readable name of the group.",
  "groups.type":
    "Whether the user is a member itself ('direct') or through another group ('indirect').",
  entitlements: "Things that the user has: rights to a thing, an object or a service.",
  "entitlements.value": "The entitlement.",
  "entitlements.display": "A human-readable name of the entitlement.",
  "entitlements.type": "A label that scopes the entitlement.",
  "entitlements.primary": "Whether this is the preferred entitlement. No more than one is.",
  roles: "Who the user is, such as 'Student' or 'Faculty'.",
  "roles.value": "The role.",
  "roles.display": "A human-readable name of the role.",
  "roles.type": "A label that scopes the role.",
  "roles.primary": "Whether this is the preferred role. No more than one is.",
  x509Certificates: "Certificates of the user.",
  "x509Certificates.value": "One DER-encoded X.509 certificate, in base64.",
  "x509Certificates.display": "A human-readable name of the certificate.",
  "x509Certificates.type": "A label that says what the certificate is for.",
  "x509Certificates.primary": "Whether this is the preferred certificate. No more than one is.",
};
