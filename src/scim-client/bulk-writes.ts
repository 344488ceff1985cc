import type { ChangeSet, Write } from "../repositories/index.js";
import {
  type BulkOperation,
  type PatchOp,
  type PatchOperation,
  patchOpId,
  type ResourceType,
} from "../scim/index.js";
import { resourcePath } from "./request.js";
import { writableBody } from "./writable-body.js";

/** Writes that can be made together; without operations, one that cannot. */
export interface BulkRun<T, N> {
  readonly writes: readonly Write<T, N>[];
  readonly operations: readonly BulkOperation[];
}

/**
 * Divides writes, in their order, into those that can be made together. Two that are about one resource cannot: RFC 7644 §3.7 leaves it
 * to the service provider in which order it works.
 *
 * @param partsOf The operations of a PATCH that change attributes; absent where there is no PATCH.
 */
export function runsOf<T, N extends object>(
  type: ResourceType,
  writes: readonly Write<T, N>[],
  partsOf: ((changes: ChangeSet<N>) => readonly (readonly PatchOperation[])[]) | undefined,
): readonly BulkRun<T, N>[] {
  const runs: { writes: Write<T, N>[]; operations: BulkOperation[] }[] = [];
  const ids = new Set<string>();
  for (const [at, write] of writes.entries()) {
    const operation = operationOf(type, write, String(at), partsOf);
    const last = runs.at(-1);
    const isAnother = write.kind === "create" || !ids.has(write.id);
    if (last !== undefined && last.operations.length > 0 && operation !== undefined && isAnother) {
      last.writes.push(write);
      last.operations.push(operation);
    } else {
      ids.clear();
      runs.push({ writes: [write], operations: operation === undefined ? [] : [operation] });
    }
    if (write.kind !== "create") ids.add(write.id);
  }
  return runs;
}

/** A write as a bulk operation; nothing if it takes more than one request, or has to read first. */
function operationOf<T, N extends object>(
  type: ResourceType,
  write: Write<T, N>,
  bulkId: string,
  partsOf: ((changes: ChangeSet<N>) => readonly (readonly PatchOperation[])[]) | undefined,
): BulkOperation | undefined {
  if (write.kind === "create") {
    return {
      method: "POST",
      path: type.endpoint,
      bulkId,
      data: writableBody(type, write.resource),
    };
  }
  const path = resourcePath(type, write.id);
  if (path === undefined || write.kind === "replace") return undefined;
  if (write.kind === "delete") return { method: "DELETE", path };
  if (partsOf === undefined || "plan" in write.modification) return undefined;
  const [operations, ...others] = partsOf(write.modification);
  if (operations === undefined || others.length > 0) return undefined;
  const data: PatchOp = { schemas: [patchOpId], Operations: operations };
  return { method: "PATCH", path, data };
}
