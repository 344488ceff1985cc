import type { AttributeType } from "../schema/attribute.js";
import type { CompareOperator } from "./filter.js";

/** Asks for the order of a value and the one sought: of numbers, instants or texts. */
interface OrderOperator {
  readonly kind: "order";
  /** The types of the attributes that it compares. */
  readonly types: readonly AttributeType[];
  /**
   * @param difference Less than 0, 0, or more than 0, as the value is less than, equal to or greater than the one
   * sought.
   */
  readonly test: (difference: number) => boolean;
  readonly sql: string;
  /**
   * The operator of SQL for what is stored nowhere, against the greatest that is below it. Without one, nothing that is
   * stored matches.
   */
  readonly sqlBetween?: string;
}

/** Where in a text a part of it is. */
export type PartPosition = "start" | "end" | "anywhere";

/** Asks for a part of a text. */
interface PartOperator {
  readonly kind: "part";
  readonly types: readonly AttributeType[];
  readonly at: PartPosition;
}

/** An operator that no absent value meets. */
export type PositiveOperator = OrderOperator | PartOperator;

/** Matches whatever another operator does not, absent values too. */
interface NegatedOperator {
  readonly kind: "negation";
  readonly types: readonly AttributeType[];
  readonly of: PositiveOperator;
}

const text: readonly AttributeType[] = ["string", "reference"];
/** Booleans and binaries have no order. */
const ordered: readonly AttributeType[] = [...text, "dateTime", "integer", "decimal"];
const simple: readonly AttributeType[] = [...ordered, "boolean", "binary"];

/** The operator `eq`, for which there are faster ways than to ask for the order. */
export const equality: OrderOperator = {
  kind: "order",
  types: simple,
  test: (difference) => difference === 0,
  sql: "=",
};

/**
 * All that there is to know of each operator. Only a builder (`build.ts`), which users import by name, is elsewhere.
 * RFC 7644 §3.4.2.2, table 3.
 */
export const operators: Readonly<Record<CompareOperator, PositiveOperator | NegatedOperator>> = {
  eq: equality,
  ne: { kind: "negation", types: simple, of: equality },
  co: { kind: "part", types: text, at: "anywhere" },
  sw: { kind: "part", types: text, at: "start" },
  ew: { kind: "part", types: text, at: "end" },
  gt: { kind: "order", types: ordered, test: (d) => d > 0, sql: ">", sqlBetween: ">" },
  ge: { kind: "order", types: ordered, test: (d) => d >= 0, sql: ">=", sqlBetween: ">" },
  lt: { kind: "order", types: ordered, test: (d) => d < 0, sql: "<", sqlBetween: "<=" },
  le: { kind: "order", types: ordered, test: (d) => d <= 0, sql: "<=", sqlBetween: "<=" },
};

/** The tokens of the operators. */
export const compareOperators: readonly CompareOperator[] = Object.keys(
  operators,
) as CompareOperator[];
