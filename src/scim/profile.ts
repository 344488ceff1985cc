/**
 * What identity providers send that is not what RFC 7643 and RFC 7644 say, and what is made of it. Each is done only
 * where a {@link ScimProfile} names it, and each time is reported to the reader of the input.
 */
export type RewriteName =
  /** `"True"`, in any case, as the value of a boolean. */
  | "booleanText"
  /** `"42"` as the value of a number. */
  | "numberText"
  /** `""` as the value of anything, to clear it; but of a boolean in a PATCH. */
  | "emptyText"
  /** A list of one value for an attribute that has one value. */
  | "singleElementList"
  /** One value for an attribute that has a list. */
  | "loneValue"
  /** `"26118915"` for `{ "value": "26118915" }`. */
  | "bareValue"
  /**
   * JSON in a string, as it is, as a list of complex values, or as the only `value`: `{ "value":
   * "{\"value\":\"admin\"}" }` for `{ "value": "admin" }`.
   */
  | "jsonText"
  /** No `schemas`, or `schemas` without the base schema. */
  | "missingSchemas"
  /** A removal of an attribute with values beside it: those values are removed, and the others stay. */
  | "removeValues"
  /** A replacement where nothing matches: what should have matched is added. */
  | "replaceOrAdd"
  /** A value that replaces what a filter selects, and leaves out what the filter says of it. */
  | "keepSelection"
  /** Keys of an operation without a path that are paths themselves, such as `"name.givenName"`. */
  | "pathKeys"
  /** `urn:…:User.manager` for `urn:…:User:manager`, in the path of an operation and in the keys of one without. */
  | "dottedUrn"
  /**
   * `manager`, which the base schema has not, for `urn:…:User:manager`, where one extension has it; in the same places.
   */
  | "missingUrn"
  /**
   * A manager or a member whom the service provider does not know: it is ignored, and reported among what was
   * `ignored`.
   */
  | "passOverLostReference"
  /** What is readOnly in the value of an operation: it is ignored, and reported among what was `ignored`. */
  | "passOverReadOnly"
  /** Unknown attributes in the value of an operation: the same; a PATCH of which nothing is left is refused. */
  | "passOverUnknown"
  /**
   * A path of an operation that names an unknown attribute: the operation is ignored, and reported among what was
   * `ignored`; a PATCH of which nothing is left is refused. No profile here has it but the lenient one: what is passed
   * over is not done.
   */
  | "passOverUnknownPath"
  /**
   * A value in a response that cannot be read, of an attribute that need not be there: it is ignored, and so
   * unknown.
   */
  | "passOverUnreadable"
  /** A filter in a path that the `entra` profile of filters reads, such as `[primary eq "True"]`. */
  | "entraFilter"
  /** A list of names in one text, `"userName,emails"`, in a SearchRequest. */
  | "listText"
  /** `failOnErrors: 0` in a bulk request, which has it end at the first error, as 1 does. */
  | "zeroFailOnErrors"
  /** `application/json+scim` or `application/scim` as the type of a body. */
  | "mediaType";

/** How far input may be from the RFCs. Make your own by listing rewrites. */
export interface ScimProfile {
  /** A name for logs. */
  readonly name: string;
  /** What is rewritten. */
  readonly rewrites: ReadonlySet<RewriteName>;
  /**
   * Whether the response to a PATCH of a resource with members holds it, as some clients take no other for a success.
   * Default: false, so that it is 204, unless the request has `Prefer: return=representation` or names
   * attributes.
   */
  readonly returnsGroups?: boolean;
}

/** What was made of one thing that the RFCs do not know. */
export interface Rewrite {
  /** What was done. */
  readonly rewrite: RewriteName;
  /** The index of the operation of a PATCH, from 0; absent from resources. */
  readonly operation?: number;
  /** Where: the path of the attribute as the schema spells it. */
  readonly path: string;
}

function profile(
  name: string,
  rewrites: readonly RewriteName[],
  options: Pick<ScimProfile, "returnsGroups"> = {},
): ScimProfile {
  return { name, rewrites: new Set(rewrites), ...options };
}

/** Nothing but what the RFCs say. */
export const rfc7644Profile: ScimProfile = /* @__PURE__ */ profile("rfc7644", []);

/** What Microsoft Entra ID and its validator send. */
export const entraProfile: ScimProfile = /* @__PURE__ */ profile("entra", [
  "booleanText",
  "emptyText",
  "singleElementList",
  "loneValue",
  "bareValue",
  "jsonText",
  "removeValues",
  "replaceOrAdd",
  "keepSelection",
  "pathKeys",
  "dottedUrn",
  "missingUrn",
  "passOverLostReference",
  "passOverReadOnly",
  "passOverUnknown",
  "entraFilter",
]);

/** What Okta sends. */
export const oktaProfile: ScimProfile = /* @__PURE__ */ profile("okta", [
  "loneValue",
  "replaceOrAdd",
  "keepSelection",
  "pathKeys",
  "passOverLostReference",
  "passOverReadOnly",
  "passOverUnknown",
]);

/** Everything that can be understood in one way only. */
export const lenientProfile: ScimProfile = /* @__PURE__ */ profile(
  "lenient",
  [
    "booleanText",
    "numberText",
    "emptyText",
    "singleElementList",
    "loneValue",
    "bareValue",
    "jsonText",
    "missingSchemas",
    "removeValues",
    "replaceOrAdd",
    "keepSelection",
    "pathKeys",
    "dottedUrn",
    "missingUrn",
    "passOverLostReference",
    "passOverReadOnly",
    "passOverUnknown",
    "passOverUnknownPath",
    "passOverUnreadable",
    "entraFilter",
    "listText",
    "zeroFailOnErrors",
    "mediaType",
  ],
  { returnsGroups: true },
);
