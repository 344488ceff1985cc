import { directory389, freeIpa } from "./directory-389.js";
import type { LossKind } from "./loss-directory.js";

/** The kinds of servers whose readers are tested, a line each. */
export const kinds: readonly LossKind[] = [
  directory389, // "389ds"
  freeIpa, // "freeipa"
];
