import type { Write } from "../../repositories/index.js";
import {
  type BulkOperation,
  type PatchOp,
  type PatchOperation,
  patchOpId,
  type ResourceType,
} from "../../scim/index.js";
import { resourcePath } from "../requests/request.js";
import { writableBody } from "../writing/writable-body.js";

/**
 * Divides writes into rounds, by their places: in none are two about one resource, since RFC 7644 §3.7 leaves it to the
 * service provider in which order it works.
 */
export function roundsOf<T, N>(writes: readonly Write<T, N>[]): readonly (readonly number[])[] {
  const rounds: number[][] = [];
  let ids = new Set<string>();
  for (const [at, write] of writes.entries()) {
    const isAgain = write.kind !== "create" && ids.has(write.id);
    if (isAgain) ids = new Set();
    if (isAgain || rounds.length === 0) rounds.push([]);
    rounds.at(-1)?.push(at);
    if (write.kind !== "create") ids.add(write.id);
  }
  return rounds;
}

/**
 * A write as a bulk operation; nothing if it cannot be one.
 *
 * @param content What a resource is created with, or the operations of a PATCH.
 */
export function operationOf<T, N>(
  type: ResourceType,
  write: Write<T, N>,
  bulkId: string,
  content: { readonly created?: object; readonly patched?: readonly PatchOperation[] },
): BulkOperation | undefined {
  if (write.kind === "create") {
    const { created } = content;
    if (created === undefined) return undefined;
    return { method: "POST", path: type.endpoint, bulkId, data: writableBody(type, created) };
  }
  const path = resourcePath(type, write.id);
  if (path === undefined || write.kind === "replace") return undefined;
  if (write.kind === "delete") return { method: "DELETE", path };
  const { patched = [] } = content;
  if (patched.length === 0) return undefined;
  const data: PatchOp = { schemas: [patchOpId], Operations: patched };
  return { method: "PATCH", path, data };
}
