import type { BulkOperation, ResourceType } from "../../scim/index.js";
import { type ReplaceReference, replaceReferences } from "../../scim/internal.js";

const prefix = "bulkId:";

/** The bulkIds that an operation refers to, in its path and in its data. RFC 7644 §3.7.2. */
export function bulkIdsIn(
  operation: BulkOperation,
  types: readonly ResourceType[],
): ReadonlySet<string> {
  const found = new Set<string>();
  replaceIn(operation, types, (text) => {
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
  const replaced = replaceIn(operation, types, (text) => idFor(text) ?? text);
  const path = operation.path
    .split("/")
    .map((segment) => {
      const id = idFor(segment);
      return id === undefined ? segment : encodeURIComponent(id);
    })
    .join("/");
  return { ...replaced, path };
}

/** Replaces references in the data of an operation, and reports those in its path. */
function replaceIn(
  operation: BulkOperation,
  types: readonly ResourceType[],
  replace: ReplaceReference,
): BulkOperation {
  const { path, data } = operation;
  for (const segment of path.split("/")) replace(segment);
  const type = types.find(({ endpoint }) => path === endpoint || path.startsWith(`${endpoint}/`));
  return data === undefined
    ? operation
    : { ...operation, data: replaceReferences(type, data, replace) };
}
