import type { SortKey } from "../../scim/index.js";
import type { Parameters } from "../sql/parameters.js";
import type { StatementText } from "../sql/session.js";

/** What resources are ordered by: an expression that is NULL where there is no value. */
export interface OrderColumn {
  readonly text: StatementText;
  /** Whether every resource has a value. An index over the column alone serves the order only then. */
  readonly required: boolean;
  /** Whether the value is one of several, so that no index can be over it. */
  readonly isOfSeveral?: boolean;
  /** The value of the expression for what a resource is sorted by; `undefined` where no resource can have it. */
  stored(key: NonNullable<SortKey>): string | number | undefined;
  /** Binds such a value in a statement, and returns the text that stands for it. */
  parameter(p: Parameters, stored: string | number): string;
}
