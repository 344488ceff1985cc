/** What a store can do. What is not declared here is refused with `UnsupportedError`, never approximated. */
export interface Capabilities {
  /** The filter operators that the store answers, by SCIM attribute: `{ userName: ["eq"] }`. */
  readonly filter: Readonly<Record<string, readonly "eq"[]>>;
  /** The most resources in one page. */
  readonly maxPageSize: number;
  /** Whether `ifVersion` is checked and the write done as one step; `none` means that resources have no `meta.version`. */
  readonly versions: "atomic" | "none";
  /** What `delete` does: remove the resource, deactivate it, or refuse. */
  readonly delete: "hard" | "deactivate" | "none";
  /** Whether the naming attribute, `userName` or `displayName`, can be changed. */
  readonly rename: boolean;
  /** Whether the sessions of a user can be ended. */
  readonly sessions: boolean;
}
