import { isDeepStrictEqual } from "node:util";
import { caseless } from "../../core/index.js";
import type { ColumnOfAttribute } from "./attribute-columns.js";
import { isObject, isUnassigned } from "./attribute-values.js";

/** Columns that have one value each of an attribute with several. */
export type ValueColumns = readonly ColumnOfAttribute[];

/** Which of the values each column takes: at most one, and no two columns the same. */
export type Chosen = ReadonlyMap<ColumnOfAttribute, unknown>;

/**
 * Chooses the values that columns take. First comes the value that says that it is of the column's type; then, where
 * there is none, one that says nothing of a type; and a column without a type takes what is left. Of several that would
 * do, it is the one that is primary where the column says so.
 */
export function chooseValues(columns: ValueColumns, values: unknown): Chosen {
  const items: readonly unknown[] = Array.isArray(values) ? values : [];
  return choose(
    columns,
    items.filter((item) => !isUnassigned(valueIn(item))),
  );
}

function choose(columns: ValueColumns, items: readonly unknown[]): Map<ColumnOfAttribute, unknown> {
  const left = new Set(items);
  const chosen = new Map<ColumnOfAttribute, unknown>();
  const take = (column: ColumnOfAttribute, fits: (item: unknown) => boolean): void => {
    if (chosen.has(column)) return;
    const fitting = [...left].filter(fits);
    const isPrimary = column.value?.primary === true;
    const item = fitting.find((one) => memberOf(one, "primary") === isPrimary) ?? fitting[0];
    if (item === undefined) return;
    chosen.set(column, item);
    left.delete(item);
  };
  const typed = columns.filter(({ value }) => value?.type !== undefined);
  for (const column of typed) take(column, (item) => isOfType(item, column.value?.type));
  for (const column of typed) take(column, (item) => isUnassigned(memberOf(item, "type")));
  for (const column of columns) if (column.value?.type === undefined) take(column, () => true);
  return chosen;
}

/** What a column holds of the value that it takes. */
export function valueIn(item: unknown): unknown {
  return isObject(item) ? memberOf(item, "value") : item;
}

/**
 * What is to be kept beside the columns for the values to be read as they are: nothing, where the columns say all; else
 * all of the values, those that columns hold without what they hold.
 */
export function besideColumns(values: unknown, chosen: Chosen): unknown {
  if (!Array.isArray(values)) return values;
  const columnOf = new Map(Array.from(chosen, ([column, item]) => [item, column]));
  const isSaid = (item: unknown): boolean => {
    const column = columnOf.get(item);
    return column !== undefined && isDeepStrictEqual(item, itemOf(column, valueIn(item)));
  };
  const items: readonly unknown[] = values;
  if (items.every(isSaid)) return undefined;
  return items.flatMap((item): readonly unknown[] => {
    if (!columnOf.has(item)) return [item];
    if (!isObject(item)) return [];
    const { value: _, ...others } = item;
    return [others];
  });
}

/**
 * The values of an attribute: those that columns hold, and what is kept beside them.
 *
 * @param read What a column holds.
 */
export function joinValues(
  columns: ValueColumns,
  beside: unknown,
  read: (column: ColumnOfAttribute) => unknown,
): readonly unknown[] | undefined {
  const items: readonly unknown[] = Array.isArray(beside) ? beside : [];
  const held = columns.filter((column) => read(column) !== undefined);
  if (items.length === 0 && held.length === 0) return undefined;
  const chosen = choose(
    held,
    items.filter((item) => isObject(item) && !Object.hasOwn(item, "value")),
  );
  const columnOf = new Map(Array.from(chosen, ([column, item]) => [item, column]));
  const kept = items.flatMap((item): readonly unknown[] => {
    const column = columnOf.get(item);
    if (column !== undefined) return [{ value: read(column), ...Object(item) }];
    return isNoValue(item) ? [] : [item];
  });
  const hasPrimary = kept.some((item) => memberOf(item, "primary") === true);
  const added = held.flatMap((column): readonly unknown[] =>
    chosen.has(column) ? [] : [itemOf(column, read(column), hasPrimary)],
  );
  const all = [...added, ...kept];
  return all.length === 0 ? undefined : all;
}

/** A value as the column alone says it. */
function itemOf({ value: of }: ColumnOfAttribute, value: unknown, hasPrimary = false): unknown {
  if (of?.isComplex !== true) return value;
  const { type, primary } = of;
  return { value, ...(type !== undefined && { type }), ...(primary && !hasPrimary && { primary }) };
}

/** Whether a value says nothing but what it would be for. */
export function isNoValue(item: unknown): boolean {
  if (!isObject(item)) return isUnassigned(item);
  return Object.entries(item).every(
    ([name, inside]) => name === "type" || name === "primary" || isUnassigned(inside),
  );
}

function isOfType(item: unknown, type: string | undefined): boolean {
  const own = memberOf(item, "type");
  return typeof own === "string" && type !== undefined && caseless(own) === caseless(type);
}

function memberOf(item: unknown, name: string): unknown {
  return isObject(item) && Object.hasOwn(item, name) ? item[name] : undefined;
}
