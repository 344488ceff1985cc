import type { ResolvedAttribute } from "../schema/resource-type.js";
import type { And, Comparison, Not, Or, Presence, ValuePath } from "./filter.js";

/**
 * A comparison with an attribute that is known, of a type that can be compared so, with a value of that type. The value
 * is not null.
 */
export interface BoundComparison extends Comparison {
  /** The attribute that is compared. */
  readonly target: ResolvedAttribute;
  /** What it is compared with, of the attribute's type. */
  readonly value: string | number | boolean;
}

/** Whether an attribute that is known has a value. */
export interface BoundPresence extends Presence {
  /** The attribute that has to have a value. */
  readonly target: ResolvedAttribute;
}

/** All of the filters match. */
export interface BoundAnd extends And {
  readonly filters: readonly BoundFilter[];
}

/** At least one of the filters matches. */
export interface BoundOr extends Or {
  readonly filters: readonly BoundFilter[];
}

/** The filter does not match. */
export interface BoundNot extends Not {
  /** What must not match. */
  readonly filter: BoundFilter;
}

/** One value of a complex attribute that is known matches by itself. */
export interface BoundValuePath extends ValuePath {
  /** The complex attribute of which one value has to match. */
  readonly target: ResolvedAttribute;
  /** The paths in it are the names of sub-attributes; the targets are the sub-attributes of this one's. */
  readonly filter: BoundFilter;
}

/**
 * A filter whose attributes have been found in a resource type: what `bindFilter` makes. It is a {@link Filter} too,
 * with its paths spelled as the schemas do, so it can be printed and visited.
 */
export type BoundFilter =
  | BoundComparison
  | BoundPresence
  | BoundAnd
  | BoundOr
  | BoundNot
  | BoundValuePath;

/**
 * Whether a filter compares the `primary` of values of which there may be several: where a value does not state it, it
 * is false. RFC 7643 §2.4.
 */
export function comparesPrimary(
  filter: BoundComparison | BoundPresence | BoundValuePath,
): filter is BoundComparison {
  const { attribute, subAttribute } = filter.target;
  const isPrimary = subAttribute?.name === "primary" && subAttribute.type === "boolean";
  return isPrimary && attribute.multiValued && "value" in filter;
}
