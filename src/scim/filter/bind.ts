import type { Attribute } from "../schema/attribute.js";
import {
  findAttribute,
  type ResolvedAttribute,
  type ResourceType,
} from "../schema/resource-type.js";
import type { BoundFilter, BoundValuePath } from "./bound-filter.js";
import { InvalidFilterError } from "./errors.js";
import type {
  AttrPath,
  CompareOperator,
  Comparison,
  Filter,
  Presence,
  ValuePath,
} from "./filter.js";
import { instantOf } from "./instant.js";
import { compareOperators, operators } from "./operators.js";
import { printAttrPath } from "./print.js";
import type { FilterProfileOptions, FilterRewrite } from "./profile.js";

/**
 * Finds the attributes of a filter in a resource type, and checks that each can be asked for what the filter asks of
 * it.
 *
 * - A complex attribute with several values stands for its `value` where it is compared: `emails co "example.com"`.
 * - `eq null` becomes `not (… pr)`, and `ne null` becomes `… pr` (RFC 7643 §2.5: unassigned and null are the same).
 * - What no response may hold (`returned` is `never`) is unknown to filters: they would reveal its
 *   value, one question after another.
 *
 * @throws {InvalidFilterError} an attribute is unknown, an operator does not fit its type, or a value is not of its
 * type.
 */
export function bindFilter(
  filter: Filter,
  type: ResourceType,
  options: FilterProfileOptions = {},
): BoundFilter {
  return bind(filter, { type, options });
}

/** Where the paths of a filter are looked up. */
interface Scope {
  readonly type: ResourceType;
  readonly options: FilterProfileOptions;
  /** The complex attribute in whose value path the filter is. */
  readonly parent?: ResolvedAttribute;
}

function bind(filter: Filter, scope: Scope): BoundFilter {
  switch (filter.operator) {
    case "and":
    case "or":
      return {
        operator: filter.operator,
        filters: filter.filters.map((part) => bind(part, scope)),
      };
    case "not":
      return { operator: "not", filter: bind(filter.filter, scope) };
    case "valuePath":
      return bindValuePath(filter, scope);
    case "pr":
      return presence(find(filter, scope), scope);
    default:
      return bindComparison(filter, scope);
  }
}

function bindValuePath({ path, filter }: ValuePath, scope: Scope): BoundValuePath {
  const target = find({ path }, scope);
  if (leafOf(target).type !== "complex") {
    throw new InvalidFilterError(`${quoted(path)} has no sub-attributes to select its values by.`);
  }
  return {
    operator: "valuePath",
    path: pathTo(target, scope),
    target,
    filter: bind(filter, { ...scope, parent: target }),
  };
}

function bindComparison(filter: Comparison, scope: Scope): BoundFilter {
  const { operator, path, value } = filter;
  const named = find(filter, scope);
  if (value === null) {
    if (operator !== "eq" && operator !== "ne") {
      throw new InvalidFilterError(`Nothing can be compared with null by "${operator}".`);
    }
    const present = presence(named, scope);
    return operator === "ne" ? present : { operator: "not", filter: present };
  }
  const target = withValue(named, path, scope);
  const { type } = leafOf(target);
  if (!operatorsFor(leafOf(target)).includes(operator)) {
    throw new InvalidFilterError(
      `${quoted(path)} is of type ${type}, which cannot be compared by "${operator}".`,
    );
  }
  return {
    operator,
    path: pathTo(target, scope),
    target,
    value: comparedValue(value, leafOf(target), path, scope),
  };
}

/**
 * The operators by which an attribute can be compared, of its type; none where it is complex. RFC 7644 §3.4.2.2, table
 * 3.
 */
export function operatorsFor({ type }: Attribute): readonly CompareOperator[] {
  return compareOperators.filter((operator) => operators[operator].types.includes(type));
}

/** What an attribute of each type is compared with, in words. */
const comparedWith: Readonly<Record<Attribute["type"], string>> = {
  string: "a string",
  reference: "a string",
  binary: "a string",
  dateTime: 'a dateTime, such as "2011-05-13T04:42:34Z"',
  integer: "a number",
  decimal: "a number",
  boolean: "true or false",
  complex: "null",
};

function comparedValue(
  value: string | number | boolean,
  { type }: Attribute,
  path: AttrPath,
  { options }: Scope,
): string | number | boolean {
  if (type === "boolean" && typeof value === "string" && options.profile === "entra") {
    const text = value.toLowerCase();
    if (text === "true" || text === "false") {
      options.onRewrite?.({ rule: "booleanText", path: printAttrPath(path) });
      return text === "true";
    }
  }
  if (!isOfType(value, type)) {
    throw new InvalidFilterError(
      `${quoted(path)} is of type ${type}, and is compared with ${comparedWith[type]}.`,
    );
  }
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new InvalidFilterError(
      `${quoted(path)} is compared with half a surrogate pair, which is no text.`,
    );
  }
  return value;
}

function isOfType(value: string | number | boolean, type: Attribute["type"]): boolean {
  switch (type) {
    case "boolean":
      return typeof value === "boolean";
    case "integer":
    case "decimal":
      return typeof value === "number";
    case "dateTime":
      return typeof value === "string" && instantOf(value) !== undefined;
    default:
      return typeof value === "string";
  }
}

/** The attribute itself, or the `value` of a complex one that has several; for Entra, also of one that has not. */
function withValue(target: ResolvedAttribute, path: AttrPath, scope: Scope): ResolvedAttribute {
  const { attribute } = target;
  const { profile, onRewrite } = scope.options;
  if (leafOf(target).type !== "complex") return target;
  if (attribute.subAttributes.has("value") && (attribute.multiValued || profile === "entra")) {
    if (!attribute.multiValued) onRewrite?.({ rule: "bareValue", path: printAttrPath(path) });
    if (scope.parent !== undefined || findAttribute(scope.type, path) !== undefined) {
      return find({ path: { ...path, subAttribute: "value" } }, scope);
    }
    // It was found by what was meant, and so is its value.
    return find({ path: { ...pathTo(target, scope), subAttribute: "value" } }, scope);
  }
  throw new InvalidFilterError(`${quoted(path)} is complex: name one of its sub-attributes.`);
}

function presence(target: ResolvedAttribute, scope: Scope): BoundFilter {
  return { operator: "pr", path: pathTo(target, scope), target };
}

/** The attribute that a path names. What may not be read is refused in the same words as what there is not. */
function find({ path }: Pick<Presence, "path">, scope: Scope): ResolvedAttribute {
  const { type, parent } = scope;
  const found =
    parent === undefined
      ? (findAttribute(type, path) ?? meantBy(path, scope))
      : subAttribute(type, parent, path);
  if (found === undefined || !isReadable(found.attribute) || !isReadable(leafOf(found))) {
    throw new InvalidFilterError(
      parent === undefined
        ? `${quoted(path)} is not an attribute that a filter of ${type.name} can ask for.`
        : `${quoted(path)} is not a sub-attribute that a filter of "${parent.path}" can ask for.`,
    );
  }
  return found;
}

/** The attribute that is meant by a path which names none, where the profile knows such paths. */
function meantBy(path: AttrPath, { type, options }: Scope): ResolvedAttribute | undefined {
  if (options.profile !== "entra") return undefined;
  const { schema, attribute, subAttribute: inner } = path;
  const extensions = type.schemaExtensions.map((extension) => extension.schema.id);
  const said = (rule: FilterRewrite["rule"], found: ResolvedAttribute): ResolvedAttribute => {
    options.onRewrite?.({ rule, path: printAttrPath(path) });
    return found;
  };
  if (schema !== undefined) {
    const uri = `${schema}:${attribute}`.toLowerCase();
    const dotted = [type.schema.id, ...extensions].find((id) => id.toLowerCase() === uri);
    const found =
      dotted !== undefined && inner !== undefined
        ? findAttribute(type, { schema: dotted, attribute: inner })
        : undefined;
    return found && said("dottedUrn", found);
  }
  const [only, ...others] = extensions.flatMap((id) => {
    const found = findAttribute(type, { ...path, schema: id });
    return found === undefined ? [] : [found];
  });
  return only !== undefined && others.length === 0 ? said("missingUrn", only) : undefined;
}

function subAttribute(
  type: ResourceType,
  { extension, schema, attribute }: ResolvedAttribute,
  path: AttrPath,
): ResolvedAttribute | undefined {
  if (path.schema !== undefined || path.subAttribute !== undefined) return undefined;
  return findAttribute(type, {
    ...(extension && schema !== undefined && { schema: schema.id }),
    attribute: attribute.name,
    subAttribute: path.attribute,
  });
}

/** The path as the schemas spell it; in a value path, the name of the sub-attribute. */
function pathTo(
  { extension, schema, attribute, subAttribute }: ResolvedAttribute,
  { parent }: Scope,
): AttrPath {
  if (parent !== undefined) return { attribute: (subAttribute ?? attribute).name };
  return {
    ...(extension && schema !== undefined && { schema: schema.id }),
    attribute: attribute.name,
    ...(subAttribute !== undefined && { subAttribute: subAttribute.name }),
  };
}

/** Whether responses may hold an attribute. RFC 7643 §7: what is writeOnly is never returned. */
export function isReadable({ returned }: Attribute): boolean {
  return returned !== "never";
}

/** The attribute whose value is asked for. */
export function leafOf({ attribute, subAttribute }: ResolvedAttribute): Attribute {
  return subAttribute ?? attribute;
}

function quoted(path: AttrPath): string {
  return `"${printAttrPath(path).slice(0, 200)}"`;
}
