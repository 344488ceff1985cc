import type { ResourceType } from "../../scim/index.js";
import { isJsonObject, replaceReferences } from "../../scim/internal.js";

const prefix = "bulkId:";

/** The bulkId that a text refers to. RFC 7644 §3.7.2. */
export function bulkIdIn(text: unknown): string | undefined {
  return typeof text === "string" && text.startsWith(prefix)
    ? text.slice(prefix.length)
    : undefined;
}

/**
 * The bulkIds that the references in data are.
 *
 * @param type The type of the resource; `undefined` if there is none such.
 * @param data A resource, or a PATCH.
 */
export function bulkIdsIn(type: ResourceType | undefined, data: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  replaceReferences(type, data, (text) => {
    const bulkId = bulkIdIn(text);
    if (bulkId !== undefined) found.add(bulkId);
    return text;
  });
  return found;
}

/** The same data with the ids of resources in the place of references by those bulkIds that are known. */
export function withIds(
  type: ResourceType,
  data: unknown,
  ids: ReadonlyMap<string, string>,
): unknown {
  return replaceReferences(type, data, (text) => ids.get(bulkIdIn(text) ?? "") ?? text);
}

/** Data in two parts: what can be stored now, and what has to wait for a resource that refers back. */
export interface Parted {
  readonly now: unknown;
  /** What is to be added later, by the path of the attribute. */
  readonly later: ReadonlyMap<string, unknown>;
}

/**
 * Takes out of a resource what refers to one of these bulkIds: the values of a list, else the attribute; of extensions, the
 * attribute in it.
 */
export function parted(type: ResourceType, data: unknown, waiting: ReadonlySet<string>): Parted {
  const later = new Map<string, unknown>();
  const extensions = new Set(type.schemaExtensions.map(({ schema }) => schema.id.toLowerCase()));
  const part = (holder: unknown, extension?: string): unknown => {
    if (!isJsonObject(holder)) return holder;
    const waits = (name: string, value: unknown): boolean => {
      const own = { [name]: value };
      const found = bulkIdsIn(type, extension === undefined ? own : { [extension]: own });
      return [...found].some((id) => waiting.has(id));
    };
    const path = (name: string): string =>
      extension === undefined ? name : `${extension}:${name}`;
    const kept: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(holder)) {
      if (!waits(name, value)) kept[name] = value;
      else if (extension === undefined && extensions.has(name.toLowerCase())) {
        kept[name] = part(value, name);
      } else if (Array.isArray(value)) {
        kept[name] = value.filter((element) => !waits(name, [element]));
        later.set(
          path(name),
          value.filter((element) => waits(name, [element])),
        );
      } else later.set(path(name), value);
    }
    return kept;
  };
  return { now: part(data), later };
}
