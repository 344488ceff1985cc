import type { z } from "zod";
import { DefinitionError } from "./errors.js";

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
  throw new DefinitionError(
    result.error.issues.map(({ path, message }) => ({
      path: path.map(String).join("."),
      message,
    })),
  );
}
