import { InvalidValueError } from "../../core/index.js";
import {
  type AttributeNode,
  type AttributeTree,
  attributeTree,
  type Children,
  type ExtensionNode,
  nodeAt,
  ownValue,
} from "./attribute-tree.js";
import type { Resource } from "./common.js";
import { schemasOf } from "./read-resource.js";
import { isJsonObject, type JsonObject } from "./read-value.js";
import type { ResourceType } from "./resource-type.js";

/** Which attributes a client wants. Names are in standard attribute notation (RFC 7644 §3.10), in any case. */
export interface ProjectionOptions {
  /** These, and what is always returned. An unknown name is ignored. */
  readonly attributes?: readonly string[] | undefined;
  /** What is returned by default, without these. Not together with `attributes`. */
  readonly excludedAttributes?: readonly string[] | undefined;
  /**
   * What the client stated in the creation, replacement or modification to which this is the response: of it,
   * attributes that are returned on `request` are returned too (RFC 7643 §7, "returned").
   */
  readonly stated?: readonly string[] | undefined;
}

/** A resource as a response holds it. */
export type Projection<R extends Resource> = Partial<R> & Resource;

/**
 * The representation of a resource in a response, by what the schemas say of `returned`. RFC 7643 §7, RFC 7644 §3.9.
 *
 * What is returned never, and what no schema of the type has, is left out; `schemas` says which schemas' attributes are
 * left. For many resources, make a {@link projection} once.
 *
 * @throws {InvalidValueError} both `attributes` and `excludedAttributes` are given.
 */
export function project<R extends Resource>(
  type: ResourceType,
  resource: R,
  options?: ProjectionOptions,
): Projection<R> {
  return projection<R>(type, options)(resource);
}

/**
 * A function that does to each resource what {@link project} does.
 *
 * @throws {InvalidValueError} both `attributes` and `excludedAttributes` are given.
 */
export function projection<R extends Resource>(
  type: ResourceType,
  options: ProjectionOptions = {},
): (resource: R) => Projection<R> {
  const tree = attributeTree(type);
  const wanted = wantedOf(tree, options);
  const top = returnedOf(tree.children, wanted, false);
  const extensions = type.schemaExtensions.flatMap(({ schema }) => {
    const extension = tree.extensions.get(schema.id);
    return extension === undefined ? [] : [{ extension, ...returnedExtension(extension, wanted) }];
  });
  return (resource) => {
    const projected = pick(top, resource);
    for (const { extension, whole, returned } of extensions) {
      const value = ownValue(resource, extension.path);
      if (!isJsonObject(value)) continue;
      const part = whole ? value : pick(returned, value);
      if (Object.keys(part).length > 0) projected[extension.path] = part;
    }
    projected["schemas"] = schemasOf(tree, projected);
    // The compiler cannot follow names that are data: what is picked of a resource is a part of it.
    return projected as Projection<R>;
  };
}

/** Nodes that the client named. */
interface Wanted {
  readonly attributes?: ReadonlySet<AttributeNode | ExtensionNode>;
  readonly excluded: ReadonlySet<AttributeNode | ExtensionNode>;
  readonly stated: ReadonlySet<AttributeNode | ExtensionNode>;
}

function wantedOf(
  tree: AttributeTree,
  { attributes, excludedAttributes, stated = [] }: ProjectionOptions,
): Wanted {
  if (attributes !== undefined && excludedAttributes !== undefined) {
    throw new InvalidValueError(
      "excludedAttributes",
      "attributes and excludedAttributes exclude each other (RFC 7644 §3.9).",
    );
  }
  const named = (paths: readonly string[]): Set<AttributeNode | ExtensionNode> =>
    new Set(paths.flatMap((path) => nodeAt(tree, path.trim()) ?? []));
  return {
    ...(attributes !== undefined && { attributes: named(attributes) }),
    excluded: named(excludedAttributes ?? []),
    stated: named(stated),
  };
}

/** An attribute that is returned, and which of its sub-attributes are. */
interface Returned {
  readonly node: AttributeNode;
  readonly children: readonly Returned[];
}

/** @param isWhole Whether the client named the object whose attributes these are. */
function returnedOf(children: Children, wanted: Wanted, isWhole: boolean): readonly Returned[] {
  return children.all.flatMap((node) => {
    const returned = returnedNode(node, wanted, isWhole);
    return returned === undefined ? [] : [returned];
  });
}

function returnedNode(node: AttributeNode, wanted: Wanted, isWhole: boolean): Returned | undefined {
  const { returned } = node.attribute;
  if (returned === "never") return undefined;
  const isNamed = isWhole || wanted.attributes === undefined || wanted.attributes.has(node);
  const isStated =
    wanted.stated.has(node) || node.children.all.some((child) => wanted.stated.has(child));
  const isReturned =
    returned === "always" ||
    (!wanted.excluded.has(node) &&
      (returned === "request"
        ? wanted.attributes?.has(node) || (wanted.attributes === undefined && isStated)
        : isNamed));
  if (isReturned) return { node, children: returnedOf(node.children, wanted, true) };
  const isPart = node.children.all.some((child) => wanted.attributes?.has(child));
  return isPart ? { node, children: returnedOf(node.children, wanted, false) } : undefined;
}

function returnedExtension(
  extension: ExtensionNode,
  wanted: Wanted,
): { readonly whole: boolean; readonly returned: readonly Returned[] } {
  if (wanted.excluded.has(extension)) return { whole: false, returned: [] };
  const isNamed = wanted.attributes === undefined || wanted.attributes.has(extension);
  return {
    whole: isNamed && extension.schema.standard !== undefined,
    returned: returnedOf(extension.children, wanted, isNamed),
  };
}

function pick(returned: readonly Returned[], from: object): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const { node, children } of returned) {
    const value = ownValue(from, node.name);
    const part = Array.isArray(value)
      ? value.flatMap((element) => pickValue(node, children, element) ?? [])
      : pickValue(node, children, value);
    if (part !== undefined && !(Array.isArray(part) && part.length === 0)) picked[node.name] = part;
  }
  return picked;
}

function pickValue(
  node: AttributeNode,
  children: readonly Returned[],
  value: unknown,
): JsonObject | unknown {
  if (value === null || value === undefined) return undefined;
  if (node.attribute.type !== "complex") return value;
  if (!isJsonObject(value)) return undefined;
  const part = pick(children, value);
  return Object.keys(part).length === 0 ? undefined : part;
}
