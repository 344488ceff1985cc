import { type AttributeTree, type Children, childNamed } from "./attribute-tree.js";

/** What is said of a key that is a path. */
export const pathKey = "it is a path, and no name of an attribute.";

/**
 * Whether a name is a path into one of the attributes: `name.givenName`, `emails[type eq "work"].value`. Who sends it means that
 * attribute, and must not be told that it was stored.
 */
export function isPathInto({ byName }: Children, name: string): boolean {
  const [head = ""] = name.split(/[.[]/, 1);
  return head.length < name.length && childNamed(byName, head) !== undefined;
}

/**
 * Whether a name at the top of a resource is a path: into an attribute, or to one behind the URI of its schema, `urn:…:User:title` or
 * `urn:…:User.title`; or the URI of the base schema, whose attributes stand at the top.
 */
export function isPathOf({ type, children, extensions }: AttributeTree, name: string): boolean {
  if (isPathInto(children, name)) return true;
  const key = name.toLowerCase();
  const base = type.schema.id.toLowerCase();
  if (key === base) return true;
  const isWithin = (id: string, own: Children): boolean => {
    if (!/^[:.]/.test(key.slice(id.length)) || !key.startsWith(id)) return false;
    const rest = name.slice(id.length + 1);
    return childNamed(own.byName, rest) !== undefined || isPathInto(own, rest);
  };
  return (
    isWithin(base, children) ||
    [...extensions].some(([id, extension]) => isWithin(id.toLowerCase(), extension.children))
  );
}

/** Tells of each name of an object whether it is there more than once, in different case. RFC 7643 §2.1. */
export function twiceIn(object: object): (name: string, canonical: string) => boolean {
  let counts: Map<string, number> | undefined;
  return (name, canonical) => {
    // One of two is not spelled as the schema spells it, and only that one needs to be looked at.
    if (name === canonical) return false;
    if (counts === undefined) {
      counts = new Map();
      for (const key of Object.keys(object)) {
        const lower = key.toLowerCase();
        counts.set(lower, (counts.get(lower) ?? 0) + 1);
      }
    }
    return (counts.get(name.toLowerCase()) ?? 0) > 1;
  };
}

/** What is said of a name that is there more than once. */
export const twice = "it is there twice, in different case (RFC 7643 §2.1).";
