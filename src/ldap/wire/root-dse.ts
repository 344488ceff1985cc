import { firstTextOf, textsOf } from "./attributes.js";
import type { LdapAttribute, LdapSearchRequest } from "./message.js";

/** What a server says of itself (RFC 4512 §5.1). A server may keep any of it from those whom it does not know. */
export interface RootDse {
  /** The names of the trees that the server holds. */
  readonly namingContexts: readonly string[];
  /** The object identifiers of the controls that it knows. */
  readonly supportedControls: readonly string[];
  /** The object identifiers of the extended operations that it knows. */
  readonly supportedExtensions: readonly string[];
  /** The SASL mechanisms that it offers at this level of security. */
  readonly supportedSaslMechanisms: readonly string[];
  /** The maker, in the maker's words (RFC 3045). OpenLDAP does not say. */
  readonly vendorName?: string;
  /** The version of the server, in the maker's words (RFC 3045). */
  readonly vendorVersion?: string;
  /** All attributes that the server returned. */
  readonly attributes: readonly LdapAttribute[];
}

/** The search that reads the root DSE. */
export const rootDseRequest: LdapSearchRequest = {
  base: "",
  scope: "base",
  filter: "(objectClass=*)",
  attributes: ["*", "+"],
};

/** Picks from the attributes of the root DSE those that a client decides by. */
export function readRootDse(attributes: readonly LdapAttribute[]): RootDse {
  const vendorName = firstTextOf(attributes, "vendorName");
  const vendorVersion = firstTextOf(attributes, "vendorVersion");
  return {
    namingContexts: textsOf(attributes, "namingContexts"),
    supportedControls: textsOf(attributes, "supportedControl"),
    supportedExtensions: textsOf(attributes, "supportedExtension"),
    supportedSaslMechanisms: textsOf(attributes, "supportedSASLMechanisms"),
    ...(vendorName !== undefined && { vendorName }),
    ...(vendorVersion !== undefined && { vendorVersion }),
    attributes,
  };
}
