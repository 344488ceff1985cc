/** The operators that compare an attribute with a value. RFC 7644 §3.4.2.2, table 3. */
export type CompareOperator = "eq" | "ne" | "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le";

/** What an attribute is compared with: a value of JSON that is neither an object nor an array. */
export type CompValue = string | number | boolean | null;

/** The path of an attribute: `attrPath` in the grammar. Names are compared without regard to case (RFC 7643 §2.1). */
export interface AttrPath {
  /** The URI of the schema, where the path states it: `urn:ietf:params:scim:schemas:core:2.0:User`. */
  readonly schema?: string;
  /** The name of the attribute: `name`. */
  readonly attribute: string;
  /** The name of the sub-attribute, where the path goes on to one: `familyName`. */
  readonly subAttribute?: string;
}

/** An attribute and a value: `userName eq "bjensen"`. */
export interface Comparison {
  /** How it is compared. */
  readonly operator: CompareOperator;
  /** The attribute that is compared. */
  readonly path: AttrPath;
  /** What it is compared with. */
  readonly value: CompValue;
}

/** Whether an attribute has a value: `title pr`. */
export interface Presence {
  readonly operator: "pr";
  /** The attribute that has to have a value. */
  readonly path: AttrPath;
}

/** All of the filters match. */
export interface And {
  readonly operator: "and";
  /** Two or more. Those that a text joins without brackets are in one list. */
  readonly filters: readonly Filter[];
}

/** At least one of the filters matches. */
export interface Or {
  readonly operator: "or";
  /** Two or more. Those that a text joins without brackets are in one list. */
  readonly filters: readonly Filter[];
}

/** The filter does not match. */
export interface Not {
  readonly operator: "not";
  /** What must not match. */
  readonly filter: Filter;
}

/** One value of a multi-valued attribute matches by itself: `emails[type eq "work" and value co "@example.com"]`. */
export interface ValuePath {
  readonly operator: "valuePath";
  /** The multi-valued attribute of which one value has to match. */
  readonly path: AttrPath;
  /** The paths in it are the names of sub-attributes; there is no value path among its filters. */
  readonly filter: Filter;
}

/**
 * A filter: RFC 7644 §3.4.2.2. `operator` distinguishes the kinds. It is plain JSON, and says nothing of blanks, of
 * brackets that change nothing around a single expression, or of the case of operators.
 */
export type Filter = Comparison | Presence | And | Or | Not | ValuePath;

/** What a PATCH operation is applied to: `PATH = attrPath / valuePath [subAttr]`, RFC 7644 §3.5.2, figure 7. */
export interface PatchPath {
  /** The attribute, and its sub-attribute where no value is selected between the two. */
  readonly path: AttrPath;
  /** Which values of a multi-valued attribute are meant. */
  readonly filter?: Filter;
  /** The sub-attribute of the selected values: `value` in `emails[type eq "work"].value`. */
  readonly subAttribute?: string;
}
