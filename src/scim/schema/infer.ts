import type { AttributeDefinition } from "./attribute.js";
import type { Schema } from "./schema.js";
import type { StandardSchema } from "./standard-schema.js";

/** What no response holds. RFC 7643 §7: "returned" is never, or "mutability" is writeOnly. */
type Unreturned = { readonly returned: "never" } | { readonly mutability: "writeOnly" };

/** What a client cannot set. RFC 7643 §7: "mutability" is readOnly. */
type Unwritable = { readonly mutability: "readOnly" };

/**
 * The attributes that a schema gives to a resource, as they are read: without those that are never returned.
 *
 * An unassigned attribute is absent (RFC 7643 §2.5). The type of a schema that is known at run time only is a record of
 * unknown values.
 */
export type Infer<S extends Schema> = InferWithout<S, Unreturned>;

/** The attributes that a client can set when it creates or replaces a resource: without those that are readOnly. */
export type InferRequest<S extends Schema> = InferWithout<S, Unwritable>;

/** An extension that is given as a Standard Schema has the type of its output. */
type InferWithout<S extends Schema, Hidden> = S["definition"] extends {
  readonly standard: StandardSchema<infer Output>;
}
  ? Output
  : Values<S["definition"]["attributes"], Hidden>;

type Definitions = Readonly<Record<string, AttributeDefinition>>;

type Values<A extends Definitions, Hidden> = string extends keyof A
  ? { readonly [name: string]: unknown }
  : Flat<
      {
        readonly [K in keyof A as A[K] extends Hidden
          ? never
          : A[K] extends { readonly required: true }
            ? K
            : never]: Value<A[K], Hidden>;
      } & {
        readonly [K in keyof A as A[K] extends Hidden | { readonly required: true }
          ? never
          : K]?: Value<A[K], Hidden>;
      }
    >;

type Value<A, Hidden> = A extends { readonly multiValued: true }
  ? readonly SingleValue<A, Hidden>[]
  : SingleValue<A, Hidden>;

type SingleValue<A, Hidden> = A extends { readonly subAttributes: infer S extends Definitions }
  ? Values<S, Hidden>
  : A extends { readonly type: "boolean" }
    ? boolean
    : A extends { readonly type: "integer" | "decimal" }
      ? number
      : A extends { readonly canonicalValues: readonly (infer V extends string)[] }
        ? V | OtherString
        : string;

/**
 * Any string. The intersection keeps a union with literals from becoming `string`, so that editors suggest the
 * literals.
 */
type OtherString = string & Record<never, never>;

/** Makes one object type of an intersection; the conditional lets editors show its members and not this alias. */
type Flat<T> = T extends infer U ? { [K in keyof U]: U[K] } : never;
