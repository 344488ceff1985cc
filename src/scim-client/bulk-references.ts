import {
  type Attribute,
  type BulkOperation,
  findAttribute,
  parsePatchPath,
  type ResourceType,
} from "../scim/index.js";
import { byName, isObject } from "./read-answer.js";

const prefix = "bulkId:";

/** What becomes of a text that refers to what a bulk request creates. */
type Replace = (text: string) => string;

/** The bulkIds that an operation refers to, in its path and in its data. RFC 7644 §3.7.2. */
export function bulkIdsIn(
  operation: BulkOperation,
  types: readonly ResourceType[],
): ReadonlySet<string> {
  const found = new Set<string>();
  replaceReferences(operation, types, (text) => {
    if (text.startsWith(prefix)) found.add(text.slice(prefix.length));
    return text;
  });
  return found;
}

/** An operation with the ids of what was created before, in place of references to it. */
export function withIds(
  operation: BulkOperation,
  ids: ReadonlyMap<string, string>,
  types: readonly ResourceType[],
): BulkOperation {
  if (![...bulkIdsIn(operation, types)].some((bulkId) => ids.has(bulkId))) return operation;
  const idFor = (text: string): string | undefined =>
    text.startsWith(prefix) ? ids.get(text.slice(prefix.length)) : undefined;
  const replaced = replaceReferences(operation, types, (text) => idFor(text) ?? text);
  const path = operation.path
    .split("/")
    .map((segment) => {
      const id = idFor(segment);
      return id === undefined ? segment : encodeURIComponent(id);
    })
    .join("/");
  return { ...replaced, path };
}

/**
 * Replaces references in the data of an operation, and nothing else: a name may begin with `bulkId:` as any text may. Which attributes
 * are references, the schemas say. Of an attribute that no schema here has, `value` and `$ref` are taken for references.
 */
function replaceReferences(
  operation: BulkOperation,
  types: readonly ResourceType[],
  replace: Replace,
): BulkOperation {
  const { path, data } = operation;
  for (const segment of path.split("/")) replace(segment);
  const type = types.find(({ endpoint }) => path === endpoint || path.startsWith(`${endpoint}/`));
  if (!isObject(data)) return operation;
  const operations = byName(data).get("operations");
  if (!Array.isArray(operations)) return { ...operation, data: inResource(type, data, replace) };
  const changed = operations.map((one: unknown) =>
    isObject(one) ? { ...one, ...inPatch(type, one, replace) } : one,
  );
  const names = Object.keys(data).filter((name) => name.toLowerCase() === "operations");
  return {
    ...operation,
    data: { ...data, ...Object.fromEntries(names.map((name) => [name, changed])) },
  };
}

/** What an operation of a PATCH gives its target. */
function inPatch(
  type: ResourceType | undefined,
  { path, value }: Readonly<Record<string, unknown>>,
  replace: Replace,
): { readonly value?: unknown } {
  if (value === undefined) return {};
  if (typeof path !== "string") return { value: inResource(type, value, replace) };
  const extension = type?.schemaExtensions.find(
    ({ schema }) => schema.id.toLowerCase() === path.toLowerCase(),
  );
  if (extension !== undefined) return { value: inExtension(extension.schema, value, replace) };
  const { attribute, subAttribute } = targetOf(type, path);
  if (subAttribute === undefined) return { value: inAttribute(attribute, value, replace) };
  const isText = typeof value === "string" && isReferencePart(attribute, subAttribute);
  return { value: isText ? replace(value) : value };
}

/** The attribute that a path leads to, as far as it is known. */
function targetOf(
  type: ResourceType | undefined,
  path: string,
): { readonly attribute?: Attribute; readonly subAttribute?: string } {
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

function inResource(type: ResourceType | undefined, value: unknown, replace: Replace): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const extension = type?.schemaExtensions.find(
        ({ schema }) => schema.id.toLowerCase() === name.toLowerCase(),
      );
      if (extension !== undefined) return [name, inExtension(extension.schema, inner, replace)];
      const attribute = type?.attributes.get(name.toLowerCase())?.attribute;
      return [name, inAttribute(attribute, inner, replace)];
    }),
  );
}

function inExtension(
  { attributes }: ResourceType["schema"],
  value: unknown,
  replace: Replace,
): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      inAttribute(attributes.get(name.toLowerCase()), inner, replace),
    ]),
  );
}

function inAttribute(attribute: Attribute | undefined, value: unknown, replace: Replace): unknown {
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
