import type { FieldSource } from "concordat/signing";

/** The lines of a message, each with the name of its field. */
export type Lines = readonly (readonly [name: string, value: string])[];

/** Fields of which each line is known. */
export function fieldsOf(lines: Lines): FieldSource {
  const linesOf = (name: string): readonly string[] =>
    lines.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value.trim());
  return {
    lines: linesOf,
    get: (name) => (linesOf(name).length === 0 ? null : linesOf(name).join(", ")),
  };
}
