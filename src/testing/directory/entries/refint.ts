import { isWithin, parseDn, printDn } from "./dn.js";
import { AttributeValues, type Entry } from "./entry.js";
import type { Modification } from "./modify.js";
import type { Author, Tree, Write } from "./tree.js";

/** The attributes whose DNs follow renames and deletions. */
const referring: readonly string[] = ["member", "uniquemember", "owner", "manager", "seealso"];

/**
 * Rewrites the references to an entry, and to those below it, that was renamed, and removes the references to one
 * that was deleted.
 *
 * @param author - who modifies the referring entries, each by a write of its own; without one they are modified as
 * slapd's overlay does it: the entries keep their CSN, and no consumer sees it.
 */
export function repairReferences(tree: Tree, write: Write, author?: Author): void {
  const { before, after } = write;
  if (before === undefined || before.dn === after?.dn) return;
  for (const entry of tree.search(tree.suffix, "sub")) {
    const modifications = repairs(entry, before, after);
    if (modifications.length === 0) continue;
    if (author) tree.modify(entry.dn, modifications, author);
    else tree.modifySilently(entry.dn, modifications);
  }
}

function repairs(entry: Entry, before: Entry, after: Entry | undefined): Modification[] {
  const modifications: Modification[] = [];
  for (const key of referring) {
    const attribute = entry.attributes.get(key);
    if (attribute === undefined) continue;
    const stale = attribute.values.filter((value) =>
      isWithin(attribute.keyOf(value), before.normalizedDn),
    );
    if (stale.length === 0) continue;
    const type = attribute.description;
    modifications.push({ operation: "delete", attribute: { type, values: stale } });
    if (after === undefined) continue;
    const kept = attribute.without(new Set(stale.map((value) => attribute.keyOf(value))));
    const renamed = new AttributeValues(
      type,
      stale.map((value) => Buffer.from(rebase(value.toString(), before.dn, after.dn))),
    );
    const values = renamed.values.filter((value) => !kept.keys.has(kept.keyOf(value)));
    if (values.length > 0) modifications.push({ operation: "add", attribute: { type, values } });
  }
  return modifications;
}

/** A DN at or below `from`, moved to `to`. */
function rebase(dn: string, from: string, to: string): string {
  const rdns = parseDn(dn) ?? [];
  const depth = parseDn(from)?.length ?? 0;
  return printDn([...rdns.slice(0, rdns.length - depth), ...(parseDn(to) ?? [])]);
}
