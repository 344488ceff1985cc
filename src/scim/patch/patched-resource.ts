import { InvalidValueError, MutabilityError } from "../../core/index.js";
import { rfc7644Profile } from "../profile.js";
import {
  type AttributeNode,
  type AttributeTree,
  type Children,
  type ExtensionNode,
  ownValue,
} from "../schema/attribute-tree.js";
import { readExtension } from "../schema/read-extension.js";
import { rulesOf, schemasOf } from "../schema/read-resource.js";
import { isJsonObject, type JsonObject } from "../schema/read-value.js";
import { Reading } from "../schema/reading.js";
import { isSame, matches } from "../schema/same-value.js";

/** A resource that is being patched. What changes is copied; the resource that it began with stays as it is. */
export class PatchedResource {
  readonly #tree: AttributeTree;
  readonly #before: object;
  readonly #resource: Record<string, unknown>;
  /** Complex attributes and extensions in which something was set. */
  readonly #touched: Set<AttributeNode | ExtensionNode> = new Set();
  #isChanged = false;

  constructor(tree: AttributeTree, resource: object) {
    this.#tree = tree;
    this.#before = resource;
    this.#resource = { ...resource };
  }

  /** The value of an attribute; of a multi-valued one, the list. */
  get(node: AttributeNode): unknown {
    const { extension, name } = node;
    const container = extension === undefined ? this.#resource : this.extension(extension);
    return ownValue(container, name) ?? undefined;
  }

  /** The object under the URI of an extension, which may not be there. */
  extension(uri: string): JsonObject | undefined {
    const value = ownValue(this.#resource, uri);
    return isJsonObject(value) ? value : undefined;
  }

  /**
   * Gives an attribute a value, or none.
   *
   * @throws {MutabilityError} the attribute is immutable and has another value, or is required and would have none.
   */
  set(node: AttributeNode, value: unknown): void {
    const before = this.get(node);
    const after = isEmpty(value) ? undefined : value;
    if (isSame(before, after)) return;
    checkChange(node, before, after);
    const { extension, name } = node;
    if (after !== undefined && node.children.required.length > 0) this.#touched.add(node);
    if (extension === undefined) {
      this.#put(name, after);
      return;
    }
    const { [name]: _, ...others } = this.extension(extension) ?? {};
    const next = after === undefined ? others : { ...others, [name]: after };
    this.setExtension(extension, next);
  }

  /** Puts an object, or nothing, under the URI of an extension. */
  setExtension(uri: string, value: JsonObject | undefined): void {
    const extension = this.#tree.extensions.get(uri);
    if (extension !== undefined) this.#touched.add(extension);
    this.#put(uri, isEmpty(value) ? undefined : value);
  }

  /**
   * The resource as it has become; the one that it began with if nothing changed.
   *
   * @throws {InvalidValueError} something that is required is not there.
   */
  end(): object {
    for (const node of this.#touched) {
      if ("schema" in node) this.#endExtension(node);
      else if (!node.attribute.multiValued) demandRequired(node.children, this.get(node));
    }
    if (!this.#isChanged) return this.#before;
    if (Object.hasOwn(this.#resource, "schemas")) {
      this.#resource["schemas"] = schemasOf(this.#tree, this.#resource);
    }
    return this.#resource;
  }

  #endExtension(extension: ExtensionNode): void {
    const { path, schema, children } = extension;
    const value = this.extension(path);
    if (value === undefined) return;
    if (schema.standard === undefined) {
      demandRequired(children, value);
      return;
    }
    const reading = new Reading({
      ...rulesOf({ profile: rfc7644Profile }),
      readOnly: "read",
      isResponse: false,
      demandsRequired: true,
    });
    this.#put(path, readExtension(extension, value, reading));
    reading.end();
  }

  #put(name: string, value: unknown): void {
    if (isSame(ownValue(this.#resource, name), value)) return;
    this.#isChanged = true;
    if (value === undefined) delete this.#resource[name];
    else this.#resource[name] = value;
  }
}

/** Whether a value is none. RFC 7643 §2.5. */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/**
 * Checks that an attribute, or a sub-attribute of a value, may change.
 *
 * @throws {MutabilityError} it is immutable and has another value, or it is required and would have none.
 */
export function checkChange(node: AttributeNode, before: unknown, after: unknown): void {
  const { path, attribute } = node;
  if (before === undefined) return;
  if (attribute.mutability === "immutable" && !matches(node, before, after)) {
    throw new MutabilityError(path, "it is immutable, and has another value (RFC 7644 §3.5.2).");
  }
  if (after === undefined && attribute.required) {
    throw new MutabilityError(path, "it is required (RFC 7644 §3.5.2.2).");
  }
}

/** @throws {InvalidValueError} a required attribute of an object is not there. */
export function demandRequired(children: Children, value: unknown): void {
  for (const { name, path } of children.required) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) {
      throw new InvalidValueError(path, "it is required.");
    }
  }
}
