import type { Attribute, ResolvedAttribute, ResourceType } from "../../scim/index.js";
import { type ColumnOfAttribute, isFiltered, isIgnored } from "../column-map/attribute-columns.js";
import type { ResourceMap } from "../column-map/column-map.js";
import type { SqlDialect } from "../sql/dialect.js";
import type { StatementText } from "../sql/session.js";
import type { OrderColumn } from "./order-column.js";

/** How an attribute is read out of a document. */
interface Extracted {
  readonly target: ResolvedAttribute;
  readonly leaf: Attribute;
  /** The members that lead to the value, from that of the resource on. */
  readonly members: readonly string[];
}

/**
 * What resources are ordered by that have a document of keys, by the path of the attribute: every attribute of the type
 * that is in the document. Of several values it is the primary one, or else the first.
 */
export function documentOrders(
  map: ResourceMap,
  columns: readonly ColumnOfAttribute[],
  type: ResourceType,
  dialect: SqlDialect,
): ReadonlyMap<string, OrderColumn> {
  const found = new Map<string, OrderColumn>();
  const key = typeof map.others === "object" ? map.others.key : undefined;
  if (key === undefined) return found;
  const elsewhere = new Set(columns.filter(isFiltered).map(({ path }) => path));
  for (const target of type.attributes.values()) {
    const { attribute, subAttribute, schema, extension, path } = target;
    const leaf = subAttribute ?? attribute;
    const isUnknown = isIgnored(attribute.name) || elsewhere.has(path);
    const isSecret = attribute.returned === "never" || leaf.returned === "never";
    if (isUnknown || isSecret || leaf.type === "complex" || leaf.type === "dateTime") continue;
    if (subAttribute?.multiValued) continue;
    const holder = extension && schema !== undefined ? [schema.id] : [];
    const members = [...holder, attribute.name];
    found.set(path, orderOf(dialect, dialect.quote(key), { target, leaf, members }));
  }
  return found;
}

function orderOf(dialect: SqlDialect, column: string, extracted: Extracted): OrderColumn {
  const { type } = extracted.leaf;
  const isOfSeveral = extracted.target.attribute.multiValued;
  const value = valueText(dialect, column, extracted);
  const isNumber = type === "boolean" || type === "integer" || type === "decimal";
  if (!isNumber) {
    return {
      text: (p) => dialect.exact(`nullif(${value(p)}, '')`),
      parameter: (p, stored) => p.value(stored),
      required: false,
      isOfSeveral,
      stored: (key) =>
        typeof key === "string" && key.isWellFormed() && !key.includes("\u0000") ? key : undefined,
    };
  }
  const flag: StatementText = (p) => `case ${value(p)} when 'true' then 1 when 'false' then 0 end`;
  return {
    text: (p) => dialect.real(type === "boolean" ? flag(p) : value(p)),
    parameter: (p, stored) => dialect.real(p.value(stored)),
    required: false,
    isOfSeveral,
    stored: (key) => (typeof key === "number" ? key : undefined),
  };
}

/** The value as text, or NULL. It has no parameters, so that an index over the same expression serves it. */
function valueText(
  dialect: SqlDialect,
  column: string,
  { target: { attribute, subAttribute }, members }: Extracted,
): StatementText {
  const inner = subAttribute === undefined ? [] : [subAttribute.name];
  const text = attribute.multiValued
    ? dialect.primaryTextAt(column, members, inner)
    : dialect.textAt(column, [...members, ...inner]);
  return () => text;
}
