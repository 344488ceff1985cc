import type { Member } from "../../repositories/index.js";
import type { StoredId } from "../column-map/id-column.js";

/** What became of changes of the members of many groups. */
export interface ChangedMembers {
  /** The ids of the groups of which a member came or went. */
  readonly groups: ReadonlySet<string>;
  /** By the id of the group, the members that were to be added and were there. */
  readonly present: ReadonlyMap<string, readonly Member[]>;
}

/** Members are there of whom it was taken for granted that none is. */
export class MembersPresent extends Error {
  override readonly name = "MembersPresent";
}

/** The members of rows that were not absent, by the id of the group. */
export function presentIn(
  rows: readonly (readonly StoredId[])[],
  absent: readonly (readonly StoredId[])[],
): ReadonlyMap<string, readonly Member[]> {
  const present = new Map<string, Member[]>();
  if (rows.length === absent.length) return present;
  const coming = new Set(absent);
  for (const row of rows) {
    const [group, id, type] = row;
    if (coming.has(row)) continue;
    const member: Member = { value: String(id), type: type === "Group" ? "Group" : "User" };
    const ofGroup = present.get(String(group));
    if (ofGroup === undefined) present.set(String(group), [member]);
    else ofGroup.push(member);
  }
  return present;
}
