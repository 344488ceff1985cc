import { caseless, InvalidValueError, UnsupportedError } from "../core/index.js";
import type { BoundFilter } from "../scim/index.js";
import { type ColumnOfAttribute, isCaseless, isFiltered } from "./attribute-columns.js";
import type { ResourceMap } from "./column-map.js";
import type { SqlDialect } from "./dialect.js";
import { isId, storedId } from "./id-column.js";
import type { StatementText } from "./session.js";

/**
 * The `where` of a statement that selects the resources which match.
 *
 * @throws {UnsupportedError} the filter is not one that the table answers.
 * @throws {InvalidValueError} the value is not of the attribute's type.
 */
export function filterText(
  filter: BoundFilter | undefined,
  map: ResourceMap,
  columns: readonly ColumnOfAttribute[],
  dialect: SqlDialect,
): StatementText {
  if (filter === undefined) return everywhere;
  if (filter.operator !== "eq") {
    throw new UnsupportedError(`This store does not answer filters by "${filter.operator}".`);
  }
  const { target, value } = filter;
  const { path } = target;
  const column = columns.find((known) => known.path === path && isFiltered(known));
  if (path !== "id" && column === undefined) {
    throw new UnsupportedError(`This store does not answer filters of "${path}".`);
  }
  const type = column?.type ?? "string";
  if (typeof value !== type) {
    throw new InvalidValueError(path, `it is compared with a ${type} only.`);
  }
  if (column === undefined) {
    const id = storedId(String(value), map.id.type);
    if (id === undefined) return nowhere;
    return (p) => ` where ${isId(p, dialect.quote(map.id.column), id, map.id.type)}`;
  }
  const name = dialect.quote(column.column);
  if (typeof value === "boolean") {
    return (p) => ` where ${name} = ${p.value(Number(value !== column.invert))}`;
  }
  const sought = String(value);
  // What cannot be stored is nowhere, and a database may refuse to look for it.
  if (sought.includes("\u0000") || !sought.isWellFormed()) return nowhere;
  if (column.key !== undefined) {
    const key = dialect.quote(column.key);
    return (p) => ` where ${p.isText(key, caseless(sought))}`;
  }
  return isCaseless(column)
    ? (p) => ` where ${p.isText(`lower(${name})`, sought.toLowerCase())}`
    : (p) => ` where ${p.isText(name, sought)}`;
}

const everywhere: StatementText = () => "";

const nowhere: StatementText = () => " where 1 = 0";
