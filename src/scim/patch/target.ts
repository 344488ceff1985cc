import { bindFilter } from "../filter/bind.js";
import type { BoundFilter, BoundValuePath } from "../filter/bound-filter.js";
import { InvalidPathError } from "../filter/errors.js";
import type { PatchPath } from "../filter/filter.js";
import { parsePatchPath } from "../filter/parse.js";
import { printAttrPath } from "../filter/print.js";
import {
  type AttributeNode,
  type AttributeTree,
  childNamed,
  type ExtensionNode,
  nodeAt,
} from "../schema/attribute-tree.js";
import type { JsonObject } from "../schema/read-value.js";
import { findAttribute } from "../schema/resource-type.js";
import type { ValidationContext } from "../schema/validation-context.js";

/** What the path of an operation names. */
export type Target =
  | { readonly kind: "extension"; readonly extension: ExtensionNode }
  | AttributeTarget;

/** An attribute, some of its values, or a sub-attribute of it or of them. */
export interface AttributeTarget {
  readonly kind: "attribute";
  readonly node: AttributeNode;
  readonly sub?: AttributeNode;
  readonly selection?: Selection;
}

/** Which values of a multi-valued attribute are meant. */
export interface Selection {
  /** The filter, but for one that names simple values by `value`. */
  readonly filter?: BoundValuePath;
  /** The values, if the filter names each by its `value`, and perhaps its `type`. */
  readonly keys?: readonly ValueKey[];
  /** What a value has that the filter selects, if it says so: `{ type: "work" }`. */
  readonly equalities?: JsonObject;
}

/** What distinguishes one value of a list from the others. */
export interface ValueKey {
  /** The `value` of the value, or the value itself where it is a simple one. */
  readonly value: unknown;
  /** The `type` of the value, where the filter names it too. */
  readonly type?: string;
}

/** A path that follows the grammar and names nothing. */
export class UnknownPathError extends InvalidPathError {}

/**
 * Finds what a path names. RFC 7644 §3.5.2 and §3.10.
 *
 * @throws {InvalidPathError} it does not follow the grammar, or names nothing that the resource type has.
 * @throws {InvalidFilterError} its filter cannot be asked of the attribute.
 */
export function findTarget(tree: AttributeTree, path: string, context: ValidationContext): Target {
  const named = nodeAt(tree, path);
  if (named !== undefined) {
    return "schema" in named ? { kind: "extension", extension: named } : targetAt(tree, named);
  }
  const meant = meantBy(tree, path);
  if (meant !== undefined && context.rewrite(meant.rewrite, meant.path)) {
    return findTarget(tree, meant.path, context);
  }
  const rewrites = context.rules.profile.rewrites;
  const parsed = parsePatchPath(path, {
    profile: rewrites.has("entraFilter") ? "entra" : "rfc7644",
    onRewrite: ({ path: where }) => context.rewrite("entraFilter", where),
  });
  return selectedTarget(tree, parsed, context);
}

/** What is meant by a path that names nothing as it is spelled, and which rewrite knows it. */
export function meantBy(
  { type, ...tree }: AttributeTree,
  path: string,
): { readonly rewrite: "dottedUrn" | "missingUrn"; readonly path: string } | undefined {
  const { schema, schemaExtensions } = type;
  const key = path.toLowerCase();
  const ids = schemaExtensions.map((extension) => extension.schema.id);
  const dotted = [schema.id, ...ids].find((id) => key.startsWith(`${id.toLowerCase()}.`));
  if (dotted !== undefined) {
    return { rewrite: "dottedUrn", path: `${dotted}:${path.slice(dotted.length + 1)}` };
  }
  const isKnown = (name: string): boolean => nodeAt({ type, ...tree }, name) !== undefined;
  const [, name = ""] = /^([a-z$][\w$-]*)(?:[.[]|$)/i.exec(path) ?? [];
  if (name === "" || isKnown(name)) return undefined;
  const [only, ...others] = ids.filter((id) => isKnown(`${id}:${name}`));
  return only === undefined || others.length > 0
    ? undefined
    : { rewrite: "missingUrn", path: `${only}:${path}` };
}

function targetAt(tree: AttributeTree, node: AttributeNode): AttributeTarget {
  const parent = node.parentPath === undefined ? undefined : tree.byPath.get(node.parentPath);
  return parent === undefined
    ? { kind: "attribute", node }
    : { kind: "attribute", node: parent, sub: node };
}

function selectedTarget(
  tree: AttributeTree,
  { path, filter, subAttribute }: PatchPath,
  context: ValidationContext,
): AttributeTarget {
  const found = findAttribute(tree.type, path);
  const node = found === undefined ? undefined : tree.byPath.get(found.path);
  if (node === undefined || found?.subAttribute !== undefined || filter === undefined) {
    const named = printAttrPath(path).slice(0, 200);
    throw new UnknownPathError(`"${named}" is not an attribute that a ${tree.type.name} has.`);
  }
  if (!node.attribute.multiValued) {
    throw new InvalidPathError(`"${node.path}" has one value, of which none can be selected.`);
  }
  const sub =
    subAttribute === undefined ? undefined : childNamed(node.children.byName, subAttribute);
  if (subAttribute !== undefined && sub === undefined) {
    throw new UnknownPathError(`"${node.path}" has no such sub-attribute.`);
  }
  const selection =
    node.attribute.type === "complex"
      ? boundSelection(tree, { path, filter }, context)
      : simpleSelection(node, filter);
  return { kind: "attribute", node, selection, ...(sub !== undefined && { sub }) };
}

function boundSelection(
  tree: AttributeTree,
  { path, filter }: Required<Pick<PatchPath, "path" | "filter">>,
  context: ValidationContext,
): Selection {
  const bound = bindFilter({ operator: "valuePath", path, filter }, tree.type, {
    profile: context.rules.profile.rewrites.has("entraFilter") ? "entra" : "rfc7644",
    onRewrite: ({ path: where }) => context.rewrite("entraFilter", where),
  });
  if (bound.operator !== "valuePath") return {};
  const keys = keysOf(bound.filter);
  const equalities = equalitiesOf(bound.filter);
  return {
    filter: bound,
    ...(keys !== undefined && { keys }),
    ...(equalities !== undefined && { equalities }),
  };
}

/** RFC 7644 §3.5.2.2 speaks of a filter "comparing a value": of simple values, it is their only name. */
function simpleSelection(
  { path }: AttributeNode,
  filter: Required<PatchPath>["filter"],
): Selection {
  const values: ValueKey[] = [];
  for (const part of filter.operator === "or" ? filter.filters : [filter]) {
    if (part.operator !== "eq" || part.path.attribute.toLowerCase() !== "value") {
      throw new InvalidPathError(`The values of "${path}" are simple: select by "value eq".`);
    }
    values.push({ value: part.value });
  }
  return { keys: values };
}

/** `value eq "x"`, `value eq "x" and type eq "User"`, and several of these with `or`. */
function keysOf(filter: BoundFilter): readonly ValueKey[] | undefined {
  if (filter.operator === "or") {
    const keys = filter.filters.map(keyOf);
    return keys.every((key) => key !== undefined) ? keys : undefined;
  }
  const key = keyOf(filter);
  return key === undefined ? undefined : [key];
}

function keyOf(filter: BoundFilter): ValueKey | undefined {
  const equalities = equalitiesOf(filter);
  if (equalities === undefined || !Object.hasOwn(equalities, "value")) return undefined;
  const { value, type, ...rest } = equalities;
  if (Object.keys(rest).length > 0) return undefined;
  return typeof type === "string" ? { value, type } : { value };
}

/** What a filter of equalities says of a value. */
function equalitiesOf(filter: BoundFilter): JsonObject | undefined {
  const said = new Map<string, unknown>();
  for (const part of filter.operator === "and" ? filter.filters : [filter]) {
    if (part.operator !== "eq" || said.has(part.path.attribute)) return undefined;
    said.set(part.path.attribute, part.value);
  }
  return Object.fromEntries(said);
}
