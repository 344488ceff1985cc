import type * as z from "zod";
import { DefinitionError, type DefinitionProblem } from "./errors.js";

/**
 * Reads what came from outside by a schema.
 *
 * @throws {DefinitionError} with every problem, each with the path to what has it.
 */
export function readDefinitions<T>(
  schema: z.ZodType<readonly T[]>,
  definitions: unknown,
): readonly T[] {
  const result = schema.safeParse(definitions);
  if (result.success) return result.data;
  throw new DefinitionError(problemsIn(result.error));
}

/** The problems that a schema has found, each with the path to what has it. */
export function problemsIn(error: z.ZodError, at?: string): readonly DefinitionProblem[] {
  return error.issues.map(({ path, message }) => ({
    path: [...(at === undefined ? [] : [at]), ...path.map(String)].join("."),
    message,
  }));
}
