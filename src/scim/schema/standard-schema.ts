/**
 * Any schema library's schema, by the interface that they have in common: Standard Schema, version 1. Only what is used
 * here of it.
 */
export interface StandardSchema<Output = unknown> {
  /** What the library implements of the interface, under the name that it demands. */
  readonly "~standard": {
    readonly version: 1;
    /** The name of the library. */
    readonly vendor: string;
    /** Reads a value. */
    readonly validate: (
      value: unknown,
    ) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
    /** Never there; carries the types. */
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** The value that was read, or what is wrong with it. */
export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardSchemaIssue[] };

/** One thing that is wrong with a value. */
export interface StandardSchemaIssue {
  /** What is wrong, in the words of the library. */
  readonly message: string;
  /** Where in the value it is. Default: the value as a whole. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
