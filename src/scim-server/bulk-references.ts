import { isObject } from "./representation.js";

const prefix = "bulkId:";

/** The bulkId that a text refers to. RFC 7644 §3.7.2. */
export function bulkIdIn(text: unknown): string | undefined {
  return typeof text === "string" && text.startsWith(prefix)
    ? text.slice(prefix.length)
    : undefined;
}

/** The bulkIds that data refers to: each `value`, at any depth, that is `bulkId:` and a name. */
export function bulkIdsIn(data: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  visit(data, (bulkId) => found.add(bulkId));
  return found;
}

/** The same data with the ids of resources in the place of those bulkIds that are known. */
export function withIds(data: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(data)) return data.map((element) => withIds(element, ids));
  if (!isObject(data)) return data;
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => {
      const bulkId = name.toLowerCase() === "value" ? bulkIdIn(value) : undefined;
      const id = bulkId === undefined ? undefined : ids.get(bulkId);
      return [name, id ?? withIds(value, ids)];
    }),
  );
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
 *
 * @param extensions The URIs of the extensions that the resource may have, in lower case.
 */
export function parted(
  data: unknown,
  waiting: ReadonlySet<string>,
  extensions: ReadonlySet<string>,
): Parted {
  const later = new Map<string, unknown>();
  const waits = (value: unknown): boolean => [...bulkIdsIn(value)].some((id) => waiting.has(id));
  const part = (holder: unknown, before: string): unknown => {
    if (!isObject(holder)) return holder;
    const kept: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(holder)) {
      if (!waits(value)) kept[name] = value;
      else if (before === "" && extensions.has(name.toLowerCase())) {
        kept[name] = part(value, `${name}:`);
      } else if (Array.isArray(value)) {
        kept[name] = value.filter((element) => !waits(element));
        later.set(before + name, value.filter(waits));
      } else later.set(before + name, value);
    }
    return kept;
  };
  return { now: part(data, ""), later };
}

function visit(data: unknown, tell: (bulkId: string) => void): void {
  if (Array.isArray(data)) for (const element of data) visit(element, tell);
  else if (isObject(data)) {
    for (const [name, value] of Object.entries(data)) {
      const bulkId = name.toLowerCase() === "value" ? bulkIdIn(value) : undefined;
      if (bulkId !== undefined) tell(bulkId);
      else visit(value, tell);
    }
  }
}
