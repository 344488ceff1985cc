import { parsePatchPath } from "../filter/parse.js";
import type { Attribute } from "../schema/attribute.js";
import { attributeTree } from "../schema/attribute-tree.js";
import { findAttribute, type ResourceType } from "../schema/resource-type.js";
import { meantBy } from "./target.js";

/** What becomes of a text that refers to a resource. */
export type ReplaceReference = (text: string) => string;

/**
 * Replaces references in the data of an operation of a bulk request, and nothing else: a name may begin with `bulkId:`
 * as any text may (RFC 7644 §3.7.2). Which attributes are references, the schemas say. Of an attribute that no schema
 * here has, `value` and `$ref` are taken for references.
 *
 * @param type The type of the resource; `undefined` if it is not known.
 * @param data A resource, or a PATCH.
 */
export function replaceReferences(
  type: ResourceType | undefined,
  data: unknown,
  replace: ReplaceReference,
): unknown {
  if (!isObject(data)) return data;
  const names = Object.keys(data).filter((name) => name.toLowerCase() === "operations");
  const lists = names.filter((name) => Array.isArray(data[name]));
  if (lists.length === 0) return inResource(type, data, replace);
  const changed = (list: unknown): readonly unknown[] =>
    (Array.isArray(list) ? list : []).map((one: unknown) =>
      isObject(one) ? inPatch(type, one, replace) : one,
    );
  return { ...data, ...Object.fromEntries(lists.map((name) => [name, changed(data[name])])) };
}

/** An operation of a PATCH. Names are read in any case. */
function inPatch(
  type: ResourceType | undefined,
  operation: Readonly<Record<string, unknown>>,
  replace: ReplaceReference,
): Readonly<Record<string, unknown>> {
  const path = Object.entries(operation).find(([name]) => name.toLowerCase() === "path")?.[1];
  return Object.fromEntries(
    Object.entries(operation).map(([name, value]) => {
      const key = name.toLowerCase();
      if (key === "value") return [name, inTarget(type, path, value, replace)];
      return [name, key === "path" ? inPath(type, value, replace) : value];
    }),
  );
}

/** A path may select values by what they refer to: `members[value eq "bulkId:qwerty"]`. */
function inPath(type: ResourceType | undefined, path: unknown, replace: ReplaceReference): unknown {
  if (typeof path !== "string" || !path.includes("[")) return path;
  const { attribute } = targetOf(type, path);
  if (attribute !== undefined && !isReference(attribute)) return path;
  return path.replaceAll(/"(?:[^"\\]|\\.)*"/g, (literal) => {
    try {
      return JSON.stringify(replace(JSON.parse(literal)));
    } catch {
      return literal;
    }
  });
}

/** What an operation of a PATCH gives its target. */
function inTarget(
  type: ResourceType | undefined,
  path: unknown,
  value: unknown,
  replace: ReplaceReference,
): unknown {
  if (typeof path !== "string") {
    // Some send the attributes in a list of one.
    return Array.isArray(value)
      ? value.map((one: unknown) => inResource(type, one, replace))
      : inResource(type, value, replace);
  }
  const extension = type?.schemaExtensions.find(
    ({ schema }) => schema.id.toLowerCase() === path.toLowerCase(),
  );
  if (extension !== undefined) return inExtension(extension.schema, value, replace);
  const { attribute, subAttribute } = targetOf(type, path);
  if (subAttribute === undefined) return inAttribute(attribute, value, replace);
  const isText = typeof value === "string" && isReferencePart(attribute, subAttribute);
  return isText ? replace(value) : value;
}

/**
 * The attribute that a path leads to, as far as it is known; also one that is misspelled in a way that a profile may
 * know.
 */
function targetOf(
  type: ResourceType | undefined,
  sent: string,
): { readonly attribute?: Attribute; readonly subAttribute?: string } {
  const path = type === undefined ? sent : (meantBy(attributeTree(type), sent)?.path ?? sent);
  try {
    const { path: target, subAttribute } = parsePatchPath(path);
    const name = subAttribute ?? target.subAttribute;
    const attribute =
      type === undefined
        ? undefined
        : findAttribute(type, {
            attribute: target.attribute,
            ...(target.schema !== undefined && { schema: target.schema }),
          })?.attribute;
    return {
      ...(attribute !== undefined && { attribute }),
      ...(name !== undefined && { subAttribute: name }),
    };
  } catch {
    return {};
  }
}

function inResource(
  type: ResourceType | undefined,
  value: unknown,
  replace: ReplaceReference,
): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const extension = type?.schemaExtensions.find(
        ({ schema }) => schema.id.toLowerCase() === name.toLowerCase(),
      );
      if (extension !== undefined) return [name, inExtension(extension.schema, inner, replace)];
      const attribute = type?.attributes.get(name.toLowerCase())?.attribute;
      return [
        name,
        attribute === undefined && type !== undefined
          ? inTarget(type, name, inner, replace)
          : inAttribute(attribute, inner, replace),
      ];
    }),
  );
}

function inExtension(
  { attributes }: ResourceType["schema"],
  value: unknown,
  replace: ReplaceReference,
): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      inAttribute(attributes.get(name.toLowerCase()), inner, replace),
    ]),
  );
}

function inAttribute(
  attribute: Attribute | undefined,
  value: unknown,
  replace: ReplaceReference,
): unknown {
  if (Array.isArray(value)) return value.map((one) => inAttribute(attribute, one, replace));
  // Some name a manager by the id alone.
  if (typeof value === "string") {
    return attribute !== undefined && isReference(attribute) ? replace(value) : value;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (typeof inner === "string" && isReferencePart(attribute, name)) {
        return [name, replace(inner)];
      }
      // What no schema here has may hold anything, at any depth.
      return [name, attribute === undefined ? inAttribute(undefined, inner, replace) : inner];
    }),
  );
}

/** Whether a part of an attribute refers to a resource. */
function isReferencePart(attribute: Attribute | undefined, name: string): boolean {
  if (attribute !== undefined && !isReference(attribute)) return false;
  return ["value", "$ref"].includes(name.toLowerCase());
}

/** Whether an attribute names other resources: it has the URI of one beside its value. */
function isReference({ type, subAttributes, referenceTypes }: Attribute): boolean {
  const isResource = referenceTypes.some((name) => name !== "external" && name !== "uri");
  return type === "reference" ? isResource : subAttributes.has("$ref");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
