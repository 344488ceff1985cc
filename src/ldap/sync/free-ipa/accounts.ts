import { UnsupportedError } from "../../../core/index.js";
import { normalizeDn } from "../../wire/dn.js";

/**
 * Users that are staged or preserved are no users, but look like some.
 *
 * @throws {UnsupportedError} if a base is the top of the tree, where they are, too.
 */
export function requireAccounts(bases: readonly string[], namingContexts: readonly string[]): void {
  const contexts = new Set(namingContexts.map((context) => normalizeDn(context)));
  const base = bases.find((one) => contexts.has(normalizeDn(one)));
  if (base === undefined) return;
  throw new UnsupportedError(
    `"${base}" has the staged and the preserved users of FreeIPA in it, who are no users: the base for what counts ` +
      `is "cn=accounts,${base}".`,
  );
}
