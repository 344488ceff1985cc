import { UnsupportedError } from "../../core/index.js";
import type { FilterOperator } from "../../repositories/index.js";
import {
  type Attribute,
  type BoundFilter,
  filterToSql,
  isAnsweredInSql,
  type ResolvedAttribute,
  type ResourceType,
  type SqlColumn,
  type SqlColumns,
  type SqlValueColumns,
  type SqlValueTable,
} from "../../scim/index.js";
import { operatorsFor } from "../../scim/internal.js";
import { type ColumnOfAttribute, isFiltered } from "../column-map/attribute-columns.js";
import type { MemberMap, ResourceMap } from "../column-map/column-map.js";
import type { SqlDialect } from "../sql/dialect.js";
import type { StatementText } from "../sql/session.js";

/** What filters go by in a table of resources, and in the table of the members of groups. */
export function filterColumns(
  map: ResourceMap,
  columns: readonly ColumnOfAttribute[],
  members?: MemberMap,
): SqlColumns {
  const { id, others, created, lastModified } = map;
  const document = typeof others === "object" ? others : undefined;
  // What has no key of its own is in the document of keys, and so are all of several values.
  const own = columns.filter(
    (column) => column.value === undefined && (document?.key === undefined || isFiltered(column)),
  );
  // Where others are kept in JSON, the columns have not all of the values.
  const several = document === undefined ? columns.filter(({ value }) => value !== undefined) : [];
  const listed = columns.flatMap(({ path, value }) => (value === undefined ? [] : path));
  return {
    table: map.table,
    attributes: {
      id: { column: id.column, type: id.type ?? "text" },
      ...(created !== undefined && { "meta.created": created }),
      ...(lastModified !== undefined && { "meta.lastModified": lastModified }),
      ...Object.fromEntries(own.map((column) => [column.path, sqlColumn(column)])),
      ...Object.fromEntries(
        Array.from(
          Map.groupBy(several, ({ path }) => path),
          ([path, all]) => [path, { singles: all.map(singleValue) }],
        ),
      ),
      ...(members !== undefined && { members: memberTable(members, id.column) }),
    },
    ...(document !== undefined && {
      others: {
        json: document.key ?? document.column,
        compared: document.key !== undefined,
        // Without keys, what is kept beside columns is not all that there is of an attribute.
        except: ["groups", "members", ...(document.key === undefined ? listed : [])],
      },
    }),
  };
}

function sqlColumn(mapped: ColumnOfAttribute): SqlColumn {
  const { column, key, generatedKey, lower, invert, unassigned } = mapped;
  return {
    column,
    ...(key !== undefined && { key }),
    // A key that the repository writes is exact.
    lower: key === undefined ? lower : generatedKey,
    invert,
    ...(typeof unassigned !== "boolean" && unassigned !== null && { unassigned }),
  };
}

function singleValue(column: ColumnOfAttribute): SqlValueColumns["singles"][number] {
  const { type, primary } = column.value ?? {};
  return {
    value: sqlColumn(column),
    says: { ...(type !== undefined && { type }), ...(primary && { primary }) },
  };
}

function memberTable(
  { schema, table, group, member, memberType, type }: MemberMap,
  id: string,
): SqlValueTable {
  return {
    ...(schema !== undefined && { schema }),
    table,
    owner: group,
    id,
    values: {
      value: { column: member, type: memberType ?? "text" },
      // "User" and "Group" are ASCII.
      ...(type !== undefined && { type: { column: type, lower: true } }),
    },
  };
}

/**
 * The `where` of a statement that selects the resources which match.
 *
 * @throws {UnsupportedError} the table does not support the filter.
 */
export function filterText(
  filter: BoundFilter | undefined,
  { type, filterColumns }: { readonly type: ResourceType; readonly filterColumns: SqlColumns },
  dialect: SqlDialect,
): StatementText {
  if (filter === undefined) return () => "";
  assertKnown(filter, type);
  const { fragments, parameters } = filterToSql(filter, filterColumns, dialect.name);
  const [first, ...others] = fragments;
  return (p) =>
    others.reduce(
      (text, fragment, index) => text + p.value(parameters[index]) + fragment,
      ` where ${first}`,
    );
}

/** Refuses attributes that are not those of the type: what is stored has the form that the type states. */
function assertKnown(filter: BoundFilter, type: ResourceType): void {
  if (filter.operator === "and" || filter.operator === "or") {
    for (const part of filter.filters) assertKnown(part, type);
    return;
  }
  if ("target" in filter) {
    const { path, attribute } = filter.target;
    if (type.attributes.get(path.toLowerCase())?.attribute !== attribute) {
      throw new UnsupportedError(`This store does not support filters of "${path}".`);
    }
  }
  if ("filter" in filter) assertKnown(filter.filter, type);
}

/** The operators that a table supports for each attribute, for the capabilities of its repository. */
export function supportedOperators(
  type: ResourceType,
  columns: SqlColumns,
  dialect: SqlDialect,
): Record<string, readonly FilterOperator[]> {
  const isSupported = isAnsweredInSql(columns, dialect.name);
  const supported: Record<string, readonly FilterOperator[]> = {};
  for (const target of type.attributes.values()) {
    const leaf = target.subAttribute ?? target.attribute;
    if (target.attribute.returned === "never" || leaf.returned === "never") continue;
    const operators = questionsAbout(target, leaf).flatMap(([names, questions]) =>
      questions.some(isSupported) ? names : [],
    );
    if (operators.length > 0) supported[target.path] = operators;
  }
  return supported;
}

/** For each kind of question about an attribute its operators, and questions of that kind. */
function questionsAbout(
  target: ResolvedAttribute,
  leaf: Attribute,
): (readonly [readonly FilterOperator[], readonly BoundFilter[]])[] {
  const path = { attribute: target.attribute.name };
  const presence: BoundFilter = { operator: "pr", path, target };
  if (leaf.type === "complex") {
    const within = Array.from(leaf.subAttributes.values(), (subAttribute): BoundFilter => {
      const sub = { ...target, path: `${target.path}.${subAttribute.name}`, subAttribute };
      return { operator: "pr", path, target: sub };
    });
    // One sub-attribute of which it can be asked is enough: the others are looked up by themselves.
    return [
      [["pr"], [presence]],
      [["valuePath"], within.map((filter) => ({ operator: "valuePath", path, target, filter }))],
    ];
  }
  const equality: BoundFilter = { operator: "eq", path, target, value: sampleOf(leaf) };
  return [
    [["pr"], [presence]],
    [operatorsFor(leaf), [equality]],
  ];
}

function sampleOf({ type }: Attribute): string | number | boolean {
  switch (type) {
    case "boolean":
      return true;
    case "integer":
    case "decimal":
      return 0;
    case "dateTime":
      return "2011-05-13T04:42:34Z";
    default:
      return "x";
  }
}
