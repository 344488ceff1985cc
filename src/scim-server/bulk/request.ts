import { type BulkOperation, InvalidSyntaxError } from "../../scim/index.js";
import { bulkRequestId, isJsonObject } from "../../scim/internal.js";
import type { Exchange } from "../context.js";
import { ScimRequestError } from "../request/error.js";

/** An operation of a bulk request, as far as it could be read. */
export interface SentBulkOperation {
  readonly method: BulkOperation["method"];
  readonly path: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly data: unknown;
}

/** A bulk request of which only the structure was looked at. */
export interface SentBulkRequest {
  /** After how many errors to stop. */
  readonly failOnErrors: number;
  readonly operations: readonly SentBulkOperation[];
}

const methods = ["POST", "PUT", "PATCH", "DELETE"] as const;

/**
 * Reads the body of a bulk request. RFC 7644 §3.7. Names are read in any case.
 *
 * @throws {InvalidSyntaxError} it is no BulkRequest.
 * @throws {ScimRequestError} 413: it has more operations than the limit.
 */
export function readBulkRequest(
  body: unknown,
  maxOperations: number,
  { profile, record }: Pick<Exchange, "profile" | "record">,
): SentBulkRequest {
  const message = byName(body, "A bulk request is a JSON object.");
  const schemas = message.get("schemas");
  const isBulk =
    Array.isArray(schemas) &&
    schemas.some((uri) => String(uri).toLowerCase() === bulkRequestId.toLowerCase());
  if (!isBulk) {
    throw new InvalidSyntaxError(`The "schemas" of a bulk request have "${bulkRequestId}".`);
  }
  const operations = message.get("operations");
  if (!Array.isArray(operations)) throw new InvalidSyntaxError('"Operations" is a list.');
  if (operations.length > maxOperations) {
    throw new ScimRequestError(
      413,
      `There are more operations than maxOperations (${maxOperations}).`,
    );
  }
  const stated = message.get("failonerrors") ?? Number.POSITIVE_INFINITY;
  const isZero = stated === 0 && profile.rewrites.has("zeroFailOnErrors");
  if (isZero) record.rewrites.push({ rewrite: "zeroFailOnErrors", path: "failOnErrors" });
  const failOnErrors = isZero ? 1 : stated;
  const isCount =
    typeof failOnErrors === "number" &&
    failOnErrors >= 1 &&
    Math.floor(failOnErrors) === failOnErrors;
  if (!isCount) throw new InvalidSyntaxError('"failOnErrors" is a whole number from 1.');
  const read = operations.map(readOperation);
  demandDistinct(read);
  return { failOnErrors, operations: read };
}

function readOperation(operation: unknown): SentBulkOperation {
  const sent = byName(operation, "An operation is a JSON object.");
  const stated = sent.get("method");
  const method = methods.find((name) => name === String(stated).toUpperCase());
  if (method === undefined) {
    throw new InvalidSyntaxError('"method" is "POST", "PUT", "PATCH" or "DELETE".');
  }
  const path = sent.get("path");
  if (typeof path !== "string") throw new InvalidSyntaxError('An operation has a "path".');
  const bulkId = text(sent, "bulkId");
  if (method === "POST" && bulkId === undefined) {
    throw new InvalidSyntaxError('A POST has a "bulkId" (RFC 7644 §3.7).');
  }
  const version = text(sent, "version");
  return {
    method,
    path,
    data: sent.get("data"),
    ...(bulkId !== undefined && { bulkId }),
    ...(version !== undefined && { version }),
  };
}

function text(sent: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = sent.get(name.toLowerCase()) ?? undefined;
  if (value !== undefined && (typeof value !== "string" || value === "")) {
    throw new InvalidSyntaxError(`"${name}" is a text.`);
  }
  return value;
}

function demandDistinct(operations: readonly SentBulkOperation[]): void {
  const ids = operations.flatMap(({ method, bulkId }) =>
    method === "POST" && bulkId !== undefined ? [bulkId] : [],
  );
  if (new Set(ids).size < ids.length) {
    throw new InvalidSyntaxError("Each POST has a bulkId of its own (RFC 7644 §3.7.2).");
  }
}

function byName(value: unknown, reason: string): ReadonlyMap<string, unknown> {
  if (!isJsonObject(value)) throw new InvalidSyntaxError(reason);
  const byKey = new Map<string, unknown>();
  for (const [name, inner] of Object.entries(value)) {
    const key = name.toLowerCase();
    if (byKey.has(key)) throw new InvalidSyntaxError(`"${key.slice(0, 200)}" is there twice.`);
    byKey.set(key, inner);
  }
  return byKey;
}
