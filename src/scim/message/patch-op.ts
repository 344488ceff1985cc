/** The URI that the body of a PATCH request has in `schemas`. RFC 7644 §3.5.2. */
export const patchOpId = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/** One operation of a PATCH. RFC 7644 §3.5.2. */
export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path?: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/** The body of a PATCH request. RFC 7644 §3.5.2. */
export interface PatchOp {
  /** `patchOpId`. */
  readonly schemas: readonly [typeof patchOpId];
  /** What to do, in this order. */
  readonly Operations: readonly PatchOperation[];
}
