/**
 * Whose filters are read. `rfc7644`: those of RFC 7644 §3.4.2.2 and no others. `entra`: also what Microsoft Entra ID
 * and its validator send.
 */
export type FilterProfile = "rfc7644" | "entra";

/** A place where a filter was not that of RFC 7644, and a profile gave it a meaning. */
export interface FilterRewrite {
  /**
   * - `valuePathComparison`: `emails[type eq "work"].value eq "x"` became `emails[type eq "work" and value eq "x"]`;
   *   without a
   *   sub-attribute, `value` is meant.
   * - `literalCase`: `True`, `False` or `Null` became a literal of JSON.
   * - `booleanText`: `primary eq "True"` became `primary eq true`.
   * - `bareValue`: `urn:…:User:manager eq "26118915"` became `urn:…:User:manager.value eq "26118915"`.
   * - `dottedUrn`: `urn:…:User.manager` became `urn:…:User:manager`.
   * - `missingUrn`: `manager`, which the base schema has not, became `urn:…:User:manager`, where one extension has it.
   */
  readonly rule:
    | "valuePathComparison"
    | "literalCase"
    | "booleanText"
    | "bareValue"
    | "dottedUrn"
    | "missingUrn";
  /** The path of the attribute, as it was written. */
  readonly path: string;
}

/** How filters are read that are not those of RFC 7644. */
export interface FilterProfileOptions {
  /** Default: `rfc7644`. */
  readonly profile?: FilterProfile | undefined;
  /** Is called with each rewrite that the profile made. */
  readonly onRewrite?: ((rewrite: FilterRewrite) => void) | undefined;
}
