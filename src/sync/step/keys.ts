import type { Name } from "../../changes/index.js";

/** A name as a key of a map. */
export function keyOf(name: Name): string {
  return `${name.kind}:${name.key}`;
}
