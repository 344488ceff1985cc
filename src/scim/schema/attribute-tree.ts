import type { Attribute, Attributes } from "./attribute.js";
import { commonAttributes } from "./common.js";
import type { ResourceType } from "./resource-type.js";
import type { Schema } from "./schema.js";

/** An attribute or sub-attribute at its place in a resource type. */
export interface AttributeNode {
  /** The canonical path: `name.familyName`, `urn:…:User:manager.value`. */
  readonly path: string;
  /** The name as the schema spells it. */
  readonly name: string;
  /** The attribute with all of its characteristics (RFC 7643 §7). */
  readonly attribute: Attribute;
  /** The URI of the extension that the attribute belongs to. */
  readonly extension?: string;
  /** The path of the complex attribute that the sub-attribute belongs to. */
  readonly parentPath?: string;
  /** The sub-attributes of a complex attribute. */
  readonly children: Children;
}

/** An extension: the object that stands under the URI of its schema. */
export interface ExtensionNode {
  /** The URI. */
  readonly path: string;
  /** The schema of the extension. */
  readonly schema: Schema;
  /** Whether a resource must have it (RFC 7643 §6). */
  readonly isRequired: boolean;
  /** The attributes of the extension. */
  readonly children: Children;
}

/** What may stand in an object. */
export interface Children {
  /** By name as it is spelled, and in lower case. */
  readonly byName: ReadonlyMap<string, AttributeNode>;
  /** All of them, each once, in the order of the schema. */
  readonly all: readonly AttributeNode[];
  /** Those that an object must have. */
  readonly required: readonly AttributeNode[];
}

/** What may stand in a resource. */
export interface AttributeTree {
  readonly type: ResourceType;
  /** The common attributes and those of the base schema. */
  readonly children: Children;
  /** By URI as it is spelled, and in lower case. */
  readonly extensions: ReadonlyMap<string, ExtensionNode>;
  /** Every attribute and sub-attribute by its path as it is spelled (`ResolvedAttribute.path`), and in lower case. */
  readonly byPath: ReadonlyMap<string, AttributeNode>;
}

const trees: WeakMap<ResourceType, AttributeTree> = /* @__PURE__ */ new WeakMap();

/** The attributes of a resource type as a tree, which is made once. */
export function attributeTree(type: ResourceType): AttributeTree {
  let tree = trees.get(type);
  if (tree === undefined) {
    tree = makeTree(type);
    trees.set(type, tree);
  }
  return tree;
}

/** The node that has a name, in any case. */
export function childNamed<N>(byName: ReadonlyMap<string, N>, name: string): N | undefined {
  return byName.get(name) ?? byName.get(name.toLowerCase());
}

/**
 * The attribute, sub-attribute or extension that a path in standard attribute notation names, in any case. RFC 7644
 * §3.10. Before an attribute of the base schema, the URI of the schema may stand.
 */
export function nodeAt(
  { type, byPath, extensions }: AttributeTree,
  path: string,
): AttributeNode | ExtensionNode | undefined {
  const found = childNamed(byPath, path) ?? childNamed(extensions, path);
  if (found !== undefined) return found;
  const prefix = `${type.schema.id.toLowerCase()}:`;
  const key = path.toLowerCase();
  const name = key.startsWith(prefix) ? byPath.get(key.slice(prefix.length)) : undefined;
  return name?.extension === undefined ? name : undefined;
}

/** What an object holds by a name. A name such as "constructor" has a value only if it is the object's own. */
export function ownValue(object: object | undefined, name: string): unknown {
  return object !== undefined && Object.hasOwn(object, name)
    ? (object as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function makeTree(type: ResourceType): AttributeTree {
  const byPath = new Map<string, AttributeNode>();
  const extensions = new Map<string, ExtensionNode>();
  for (const { schema, required } of type.schemaExtensions) {
    const children = childrenOf(schema.attributes, `${schema.id}:`, byPath, {
      extension: schema.id,
    });
    const extension = { path: schema.id, schema, isRequired: required, children };
    extensions.set(schema.id.toLowerCase(), extension).set(schema.id, extension);
  }
  const top = new Map([...type.schema.attributes, ...commonAttributes]);
  return { type, children: childrenOf(top, "", byPath), extensions, byPath };
}

function childrenOf(
  attributes: Attributes,
  prefix: string,
  byPath: Map<string, AttributeNode>,
  within: Pick<AttributeNode, "extension" | "parentPath"> = {},
): Children {
  const byName = new Map<string, AttributeNode>();
  const all: AttributeNode[] = [];
  for (const [key, attribute] of attributes) {
    const path = prefix + attribute.name;
    const node: AttributeNode = {
      path,
      name: attribute.name,
      attribute,
      ...within,
      children: childrenOf(attribute.subAttributes, `${path}.`, byPath, {
        ...within,
        parentPath: path,
      }),
    };
    byPath.set(path.toLowerCase(), node).set(path, node);
    byName.set(key, node).set(attribute.name, node);
    all.push(node);
  }
  return { byName, all, required: all.filter(({ attribute }) => attribute.required) };
}
