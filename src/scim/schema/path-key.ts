import { type AttributeTree, type Children, childNamed } from "./attribute-tree.js";

/** What is said of a key that is a path. */
export const pathKey = "it is a path, and no name of an attribute.";

/**
 * Whether a name is a path into one of the attributes: `name.givenName`, `emails[type eq "work"].value`. Who sends it
 * means that attribute, and must not see that it was stored.
 */
export function isPathInto({ byName }: Children, name: string): boolean {
  const [head = ""] = name.split(/[.[]/, 1);
  return head.length < name.length && childNamed(byName, head) !== undefined;
}

/**
 * Whether a name at the top of a resource is a path: into an attribute, or to one behind the URI of its schema,
 * `urn:…:User:title` or `urn:…:User.title`; or the URI of the base schema, whose attributes stand at the top.
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

/**
 * The names of an object that are there more than once, in different case, as they are in lower case. RFC 7643 §2.1. Of
 * two, one at least is not spelled as the schema spells it, so that only then they need to be looked for.
 */
export function namesTwiceIn(object: object): ReadonlySet<string> {
  const seen = new Set<string>();
  const found = new Set<string>();
  for (const name of Object.keys(object)) {
    const key = name.toLowerCase();
    if (seen.has(key)) found.add(key);
    else seen.add(key);
  }
  return found;
}

/** What is said of a name that is there more than once. */
export const twice = "it is there twice, in different case (RFC 7643 §2.1).";
