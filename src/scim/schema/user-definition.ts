/** The User schema as data. RFC 7643 §4.1. */
export const userDefinition = {
  id: "urn:ietf:params:scim:schemas:core:2.0:User",
  name: "User",
  description: "A user's account",
  attributes: {
    /** The name by which the user is known to the service provider and, as a rule, signs in. Unique, in any case. */
    userName: { type: "string", required: true, uniqueness: "server" },
    /** The components of the user's name. */
    name: {
      type: "complex",
      subAttributes: {
        /** The full name, with titles and suffixes, formatted for display. */
        formatted: { type: "string" },
        /** The family name, or last name in most Western languages. */
        familyName: { type: "string" },
        /** The given name, or first name in most Western languages. */
        givenName: { type: "string" },
        /** The middle name or names. */
        middleName: { type: "string" },
        /** What stands before the name, such as "Ms.". */
        honorificPrefix: { type: "string" },
        /** What stands after the name, such as "III". */
        honorificSuffix: { type: "string" },
      },
    },
    /** The name of the user for display; the full name, where it is known. */
    displayName: { type: "string" },
    /** The casual way to address the user, such as "Bob" for Robert. Not the userName. */
    nickName: { type: "string" },
    /** The URL of the user's online profile. */
    profileUrl: { type: "reference", referenceTypes: ["external"] },
    /** The user's title, such as "Vice President". */
    title: { type: "string" },
    /** How the user is related to the organization, such as "Employee" or "Contractor". */
    userType: { type: "string" },
    /** The languages that the user prefers, in the form of the Accept-Language header (RFC 7231 §5.3.5). */
    preferredLanguage: { type: "string" },
    /** The language tag (RFC 5646) by which currency, dates and numbers are shown, such as "en-US". */
    locale: { type: "string" },
    /** The time zone in the form of the IANA database, such as "Europe/Vienna". */
    timezone: { type: "string" },
    /** Whether the account is in use; a suspended user is not active. */
    active: { type: "boolean" },
    /** The password in clear, to be set. It is never returned, and has no place in a stored resource. */
    password: { type: "string", caseExact: true, mutability: "writeOnly", returned: "never" },
    /** E-mail addresses. */
    emails: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The address, as RFC 5321 writes it. */
        value: { type: "string" },
        /** The address as it is to be shown. */
        display: { type: "string" },
        /** What the address is for. */
        type: { type: "string", canonicalValues: ["work", "home", "other"] },
        /** Whether this is the preferred address. At most one is. */
        primary: { type: "boolean" },
      },
    },
    /** Telephone numbers. */
    phoneNumbers: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The number, best as a URI of RFC 3966, such as "tel:+1-201-555-0123". */
        value: { type: "string" },
        /** The number as it is to be shown. */
        display: { type: "string" },
        /** What the number is for. */
        type: {
          type: "string",
          canonicalValues: ["work", "home", "mobile", "fax", "pager", "other"],
        },
        /** Whether this is the preferred number. At most one is. */
        primary: { type: "boolean" },
      },
    },
    /** Instant messaging addresses. */
    ims: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The address. */
        value: { type: "string" },
        /** The address as it is to be shown. */
        display: { type: "string" },
        /** The service that the address belongs to. */
        type: {
          type: "string",
          canonicalValues: ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other"],
        },
        /** Whether this is the preferred address. At most one is. */
        primary: { type: "boolean" },
      },
    },
    /** Pictures of the user. */
    photos: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The URL of the image file. */
        value: { type: "reference", referenceTypes: ["external"] },
        /** A name of the picture for display. */
        display: { type: "string" },
        /** The size of the picture. */
        type: { type: "string", canonicalValues: ["photo", "thumbnail"] },
        /** Whether this is the preferred picture. At most one is. */
        primary: { type: "boolean" },
      },
    },
    /** Postal addresses. */
    addresses: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The full address, formatted for display or for a label; it may have several lines. */
        formatted: { type: "string" },
        /** Street, house number, P.O. box; it may have several lines. */
        streetAddress: { type: "string" },
        /** The city or locality. */
        locality: { type: "string" },
        /** The state or region. */
        region: { type: "string" },
        /** The postal code. */
        postalCode: { type: "string" },
        /** The country, as the two letters of ISO 3166-1 alpha-2, such as "AT". */
        country: { type: "string" },
        /** What the address is for. */
        type: { type: "string", canonicalValues: ["work", "home", "other"] },
        /** Whether this is the preferred address. At most one is. */
        primary: { type: "boolean" },
      },
    },
    /** The groups that the user belongs to. Memberships are changed through the Group resource. */
    groups: {
      type: "complex",
      multiValued: true,
      mutability: "readOnly",
      subAttributes: {
        /** The id of the Group resource. */
        value: { type: "string", caseExact: true, mutability: "readOnly" },
        /** The URI of the Group resource. */
        $ref: { type: "reference", referenceTypes: ["Group"], mutability: "readOnly" },
        /** A human-readable name of the group. */
        display: { type: "string", mutability: "readOnly" },
        /** Whether the user is a member itself, or through another group. */
        type: {
          type: "string",
          canonicalValues: ["direct", "indirect"],
          mutability: "readOnly",
        },
      },
    },
    /** Things that the user has: rights to a thing, an object or a service. */
    entitlements: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The entitlement. */
        value: { type: "string" },
        /** A human-readable name of the entitlement. */
        display: { type: "string" },
        /** A label that scopes the entitlement. */
        type: { type: "string" },
        /** Whether this is the preferred entitlement. At most one is. */
        primary: { type: "boolean" },
      },
    },
    /** Who the user is, such as "Student" or "Faculty". */
    roles: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The role. */
        value: { type: "string" },
        /** A human-readable name of the role. */
        display: { type: "string" },
        /** A label that scopes the role. */
        type: { type: "string" },
        /** Whether this is the preferred role. At most one is. */
        primary: { type: "boolean" },
      },
    },
    /** Certificates of the user. */
    x509Certificates: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** One DER-encoded certificate (RFC 5280 §4), in base64. */
        value: { type: "binary" },
        /** A human-readable name of the certificate. */
        display: { type: "string" },
        /** A label that says what the certificate is for. */
        type: { type: "string" },
        /** Whether this is the preferred certificate. At most one is. */
        primary: { type: "boolean" },
      },
    },
  },
} as const;
