// Written out, since a mapped type with new names loses the text of each, which editors show. The types of the tests
// compare the names with those of the schemas.

/** The columns of sub-attributes of a user, by their paths, of which each is a `C`. */
export type UserSubColumns<C> = {
  /** The full name, with titles and suffixes, formatted for display. */
  readonly "name.formatted"?: C | undefined;
  /** The family name, or last name in most Western languages. */
  readonly "name.familyName"?: C | undefined;
  /** The given name, or first name in most Western languages. */
  readonly "name.givenName"?: C | undefined;
  /** The middle name or names. */
  readonly "name.middleName"?: C | undefined;
  /** What stands before the name, such as "Ms.". */
  readonly "name.honorificPrefix"?: C | undefined;
  /** What stands after the name, such as "III". */
  readonly "name.honorificSuffix"?: C | undefined;
  /** The address, as RFC 5321 writes it. */
  readonly "emails.value"?: C | undefined;
  /** The address as it is to be shown. */
  readonly "emails.display"?: C | undefined;
  /** What the address is for. */
  readonly "emails.type"?: C | undefined;
  /** Whether this is the preferred address. At most one is. */
  readonly "emails.primary"?: C | undefined;
  /** The number, best as a URI of RFC 3966, such as "tel:+1-201-555-0123". */
  readonly "phoneNumbers.value"?: C | undefined;
  /** The number as it is to be shown. */
  readonly "phoneNumbers.display"?: C | undefined;
  /** What the number is for. */
  readonly "phoneNumbers.type"?: C | undefined;
  /** Whether this is the preferred number. At most one is. */
  readonly "phoneNumbers.primary"?: C | undefined;
  /** The address. */
  readonly "ims.value"?: C | undefined;
  /** The address as it is to be shown. */
  readonly "ims.display"?: C | undefined;
  /** The service that the address belongs to. */
  readonly "ims.type"?: C | undefined;
  /** Whether this is the preferred address. At most one is. */
  readonly "ims.primary"?: C | undefined;
  /** The URL of the image file. */
  readonly "photos.value"?: C | undefined;
  /** A name of the picture for display. */
  readonly "photos.display"?: C | undefined;
  /** The size of the picture. */
  readonly "photos.type"?: C | undefined;
  /** Whether this is the preferred picture. At most one is. */
  readonly "photos.primary"?: C | undefined;
  /** The full address, formatted for display or for a label; it may have several lines. */
  readonly "addresses.formatted"?: C | undefined;
  /** Street, house number, P.O. box; it may have several lines. */
  readonly "addresses.streetAddress"?: C | undefined;
  /** The city or locality. */
  readonly "addresses.locality"?: C | undefined;
  /** The state or region. */
  readonly "addresses.region"?: C | undefined;
  /** The postal code. */
  readonly "addresses.postalCode"?: C | undefined;
  /** The country, as the two letters of ISO 3166-1 alpha-2, such as "AT". */
  readonly "addresses.country"?: C | undefined;
  /** What the address is for. */
  readonly "addresses.type"?: C | undefined;
  /** Whether this is the preferred address. At most one is. */
  readonly "addresses.primary"?: C | undefined;
  /** The id of the Group resource. */
  readonly "groups.value"?: C | undefined;
  /** The URI of the Group resource. */
  readonly "groups.$ref"?: C | undefined;
  /** A human-readable name of the group. */
  readonly "groups.display"?: C | undefined;
  /** Whether the user is a member itself, or through another group. */
  readonly "groups.type"?: C | undefined;
  /** The entitlement. */
  readonly "entitlements.value"?: C | undefined;
  /** A human-readable name of the entitlement. */
  readonly "entitlements.display"?: C | undefined;
  /** A label that scopes the entitlement. */
  readonly "entitlements.type"?: C | undefined;
  /** Whether this is the preferred entitlement. At most one is. */
  readonly "entitlements.primary"?: C | undefined;
  /** The role. */
  readonly "roles.value"?: C | undefined;
  /** A human-readable name of the role. */
  readonly "roles.display"?: C | undefined;
  /** A label that scopes the role. */
  readonly "roles.type"?: C | undefined;
  /** Whether this is the preferred role. At most one is. */
  readonly "roles.primary"?: C | undefined;
  /** One DER-encoded certificate (RFC 5280 §4), in base64. */
  readonly "x509Certificates.value"?: C | undefined;
  /** A human-readable name of the certificate. */
  readonly "x509Certificates.display"?: C | undefined;
  /** A label that says what the certificate is for. */
  readonly "x509Certificates.type"?: C | undefined;
  /** Whether this is the preferred certificate. At most one is. */
  readonly "x509Certificates.primary"?: C | undefined;
};

/** The columns of sub-attributes of a group, by their paths, of which each is a `C`. */
export type GroupSubColumns<C> = {
  /** The id of the resource that is the member. */
  readonly "members.value"?: C | undefined;
  /** The URI of the resource that is the member. */
  readonly "members.$ref"?: C | undefined;
  /** The resource type of the member. */
  readonly "members.type"?: C | undefined;
  /** A human-readable name of the member. */
  readonly "members.display"?: C | undefined;
};
