import { TooManyError } from "../../core/index.js";
import type { BulkOperation, ResourceType } from "../../scim/index.js";
import { bulkRequestId } from "../../scim/internal.js";
import { bulkIdsIn } from "./references.js";

/** How large a bulk request may be. RFC 7643 §5. */
export interface BulkLimits {
  readonly maxOperations: number;
  /** In bytes. */
  readonly maxPayloadSize: number;
}

/** What a request has beside its operations, in bytes; with a limit of errors of any length. */
const envelope = JSON.stringify({
  schemas: [bulkRequestId],
  failOnErrors: Number.MAX_SAFE_INTEGER,
  Operations: [],
}).length;

/** By how much an id may be longer than the reference in whose place it comes, in bytes. */
const idMargin = 256;

/**
 * Divides operations, in their order, into requests that a service provider takes. An operation that refers to what a
 * later one creates is in one request with it.
 *
 * @throws {TooManyError} there is no such division.
 */
export function chunksOf(
  operations: readonly BulkOperation[],
  limits: BulkLimits,
  types: readonly ResourceType[],
): readonly (readonly BulkOperation[])[] {
  const chunks: BulkOperation[][] = [];
  for (let begin = 0; begin < operations.length; ) {
    const end = longestFrom(operations, begin, limits, types);
    chunks.push(operations.slice(begin, end));
    begin = end;
  }
  return chunks;
}

/** Where the longest request ends that begins here. */
function longestFrom(
  operations: readonly BulkOperation[],
  begin: number,
  { maxOperations, maxPayloadSize }: BulkLimits,
  types: readonly ResourceType[],
): number {
  const cuts = cutsIn(operations.slice(begin), types);
  let size = envelope;
  let end: number | undefined;
  for (const [at, operation] of operations.slice(begin).entries()) {
    size += sizeOf(operation, types) + 1;
    if (at + 1 > maxOperations || size > maxPayloadSize) break;
    if (cuts.has(at + 1)) end = begin + at + 1;
  }
  if (end !== undefined) return end;
  throw size > maxPayloadSize
    ? new TooManyError(
        `A bulk request of no more than ${maxPayloadSize} bytes cannot hold it.`,
        maxPayloadSize,
      )
    : new TooManyError(`More than ${maxOperations} operations refer to each other.`, maxOperations);
}

/** Before which operations a request may end: where none of those before refers to a creation after it. */
export function cutsIn(
  operations: readonly BulkOperation[],
  types: readonly ResourceType[],
): ReadonlySet<number> {
  const creations = new Map(
    operations.flatMap(({ method, bulkId }, at) =>
      method === "POST" && bulkId !== undefined ? [[bulkId, at] as const] : [],
    ),
  );
  const cuts = new Set<number>();
  let needed = 0;
  for (const [at, operation] of operations.entries()) {
    for (const bulkId of bulkIdsIn(operation, types))
      needed = Math.max(needed, creations.get(bulkId) ?? 0);
    if (needed <= at) cuts.add(at + 1);
  }
  return cuts;
}

function sizeOf(operation: BulkOperation, types: readonly ResourceType[]): number {
  const references = bulkIdsIn(operation, types).size;
  return Buffer.byteLength(JSON.stringify(operation)) + references * idMargin;
}
