import { TooManyError } from "../../core/index.js";
import { patchOpId } from "../message/patch-op.js";
import { isJsonObject, type JsonObject } from "../schema/read-value.js";
import type { ValidationContext } from "../schema/validation-context.js";
import { InvalidSyntaxError, NoTargetError } from "./errors.js";

/** How large a PATCH may be. What a request may hold in bytes is for the reader of the wire to limit. */
export interface PatchLimits {
  /** The most operations. Default: 1,000. */
  readonly operations?: number | undefined;
  /** The longest path, in UTF-16 code units. Default: 4,096. */
  readonly path?: number | undefined;
  /** The most values that an operation has for one attribute. Default: 100,000. */
  readonly values?: number | undefined;
  /** The longest string among the values, in UTF-16 code units. Default: 1,048,576. */
  readonly characters?: number | undefined;
  /**
   * The most comparisons that the operations may make with the values that lists of the resource have, which
   * `applyPatch` and the modification hold them to. An operation that selects values by a filter makes as many as the
   * filter has, with each value of the list; one that adds values makes 10 with each, but those that follow it make
   * none. The first operation on each list is free. Default: 5,000,000, which takes about a second.
   */
  readonly comparisons?: number | undefined;
}

/** An operation as it was sent, of which only the structure was looked at. */
export interface SentOperation {
  readonly op: "add" | "replace" | "remove";
  readonly path?: string;
  /** Whether there is a value, be it null. */
  readonly hasValue: boolean;
  readonly value: unknown;
}

/** What a message may have, and how the RFC spells it. */
const names: ReadonlyMap<string, string> = new Map([
  ["schemas", "schemas"],
  ["operations", "Operations"],
  ["op", "op"],
  ["path", "path"],
  ["value", "value"],
]);

/**
 * The operations in the body of a PATCH request. RFC 7644 §3.5.2. Names, and the values of `op`, are read in any case.
 *
 * @throws {InvalidSyntaxError} the body is no PatchOp.
 * @throws {NoTargetError} a removal has no path.
 * @throws {TooManyError} it has more operations than the limit.
 */
export function readOperations(
  body: unknown,
  context: ValidationContext,
  { operations: maxOperations = 1_000, path: maxPath = 4_096 }: PatchLimits,
): readonly SentOperation[] {
  if (!isJsonObject(body)) throw new InvalidSyntaxError("A PATCH is a JSON object.");
  const message = spelled(body);
  const { schemas, Operations: operations } = message;
  const isPatchOp = Array.isArray(schemas) && schemas.some(isPatchOpId);
  if (!isPatchOp && !context.rewrite("missingSchemas", "schemas")) {
    throw new InvalidSyntaxError(`The "schemas" of a PATCH have "${patchOpId}".`);
  }
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new InvalidSyntaxError('"Operations" is a list of one or more operations.');
  }
  if (operations.length > maxOperations) {
    throw new TooManyError(`A PATCH has at most ${maxOperations} operations.`, maxOperations);
  }
  return operations.map((operation) => readOperation(operation, maxPath));
}

function isPatchOpId(uri: unknown): boolean {
  return typeof uri === "string" && uri.toLowerCase() === patchOpId.toLowerCase();
}

function readOperation(operation: unknown, maxPath: number): SentOperation {
  if (!isJsonObject(operation)) throw new InvalidSyntaxError("An operation is a JSON object.");
  const { op: sent, path, value } = spelled(operation);
  const op = typeof sent === "string" ? sent.toLowerCase() : undefined;
  if (op !== "add" && op !== "replace" && op !== "remove") {
    throw new InvalidSyntaxError('The "op" of an operation is "add", "replace" or "remove".');
  }
  const hasValue = value !== undefined;
  if (op !== "remove" && !hasValue) throw new InvalidSyntaxError(`To ${op} takes a "value".`);
  if (path === undefined || path === null || path === "") {
    if (op === "remove") throw new NoTargetError('To remove takes a "path" (RFC 7644 §3.5.2.2).');
    return { op, hasValue, value };
  }
  if (typeof path !== "string") throw new InvalidSyntaxError('A "path" is a string.');
  if (path.length > maxPath) {
    throw new TooManyError(`A path has at most ${maxPath} characters.`, maxPath);
  }
  return { op, path, hasValue, value };
}

/** The members of a message that the RFC knows, as it spells them. */
function spelled(object: JsonObject): {
  readonly [K in "schemas" | "Operations" | "op" | "path" | "value"]?: unknown;
} {
  const known: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    const name = names.get(key.toLowerCase());
    if (name === undefined) continue;
    if (Object.hasOwn(known, name)) throw new InvalidSyntaxError(`"${name}" is there twice.`);
    known[name] = object[key];
  }
  return known;
}
