import type { BulkOperation } from "../scim/index.js";
import { isObject } from "./read-answer.js";

const prefix = "bulkId:";

/** The bulkIds that an operation refers to, in its path and in its data. RFC 7644 §3.7.2. */
export function bulkIdsIn({ path, data }: BulkOperation): ReadonlySet<string> {
  const found = new Set<string>();
  collect(path.split("/"), found);
  collect(data, found);
  return found;
}

function collect(value: unknown, found: Set<string>): void {
  if (typeof value === "string") {
    if (value.startsWith(prefix)) found.add(value.slice(prefix.length));
  } else if (Array.isArray(value)) for (const element of value) collect(element, found);
  else if (isObject(value)) for (const inner of Object.values(value)) collect(inner, found);
}

/** An operation with the ids of what was created before, in place of references to it. */
export function withIds(operation: BulkOperation, ids: ReadonlyMap<string, string>): BulkOperation {
  if (![...bulkIdsIn(operation)].some((bulkId) => ids.has(bulkId))) return operation;
  const path = operation.path
    .split("/")
    .map((segment) => {
      const id = idFor(segment, ids);
      return id === undefined ? segment : encodeURIComponent(id);
    })
    .join("/");
  return { ...operation, path, data: replaced(operation.data, ids) };
}

function replaced(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") return idFor(value, ids) ?? value;
  if (Array.isArray(value)) return value.map((element) => replaced(element, ids));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, replaced(inner, ids)]),
  );
}

function idFor(text: string, ids: ReadonlyMap<string, string>): string | undefined {
  return text.startsWith(prefix) ? ids.get(text.slice(prefix.length)) : undefined;
}
