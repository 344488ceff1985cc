import { UnsupportedError } from "../../core/index.js";
import type { ExtensionNode } from "./attribute-tree.js";
import { isJsonObject, readChildren } from "./read-value.js";
import type { StandardSchema, StandardSchemaIssue } from "./standard-schema.js";
import type { ValidationContext } from "./validation-context.js";

/**
 * What stands under the URI of an extension, or `undefined` if it is unassigned, or wrong, which the reading then
 * knows.
 */
export function readExtension(
  { path, schema, children }: ExtensionNode,
  value: unknown,
  context: ValidationContext,
): unknown {
  if (value === null || value === undefined) return undefined;
  if (schema.standard !== undefined) {
    return isTooDeep(value)
      ? context.problem(path, tooDeep)
      : readStandard(schema.standard, path, value, context);
  }
  if (!isJsonObject(value)) {
    return context.problem(path, "an extension is an object with its attributes (RFC 7643 §3.3).");
  }
  const read = readChildren(children, value, `${path}:`, context);
  return Object.keys(read).length === 0 ? undefined : read;
}

/** How deep the objects and lists are nested that a Standard Schema is given. */
const maxDepth = 32;
export const tooDeep: string = `it is nested deeper than ${maxDepth} levels.`;

/** Whether a value is nested too deep for those who walk through it. */
export function isTooDeep(value: unknown, depth: number = maxDepth): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((part) => isTooDeep(part, depth - 1));
}

/**
 * Reads a value by a Standard Schema.
 *
 * @throws {UnsupportedError} the schema returns a promise.
 */
function readStandard(
  standard: StandardSchema,
  path: string,
  value: unknown,
  context: ValidationContext,
): unknown {
  const result = standard["~standard"].validate(value);
  if (result instanceof Promise) {
    throw new UnsupportedError(`The Standard Schema of "${path}" returns a promise.`);
  }
  if (result.issues === undefined) return result.value ?? undefined;
  for (const issue of result.issues) context.problem(pathOf(path, issue), issue.message);
  return undefined;
}

function pathOf(prefix: string, { path = [] }: StandardSchemaIssue): string {
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return keys.length === 0 ? prefix : `${prefix}:${keys.join(".")}`;
}
