/*
 * What a row of a membership says, in bits: how a group states the entry, and what was granted for that.
 */

/** The group states it by the distinguished name that the entry has now. */
export const byDn = 1;
/** The group states it by the user name that the entry has now, and no other entry. */
export const byUid = 2;
/** A row of its own binds a reference of the group to it: by another name, or by one that is not the entry's alone. */
export const oddly = 4;
/** The membership was made. */
export const held = 8;
/** It is the source's to revoke. */
export const ours = 16;
/** It is about to be made or was about to be ended, and is not the source's. */
export const begun = 32;

/** In any of these ways, the group states the entry. */
export const stated: number = byDn | byUid | oddly;
/** There is a grant. */
export const granted: number = held | ours | begun;
/** All there are. */
const all = stated | granted;

/** What keeps of a state all but these bits. */
export function allBut(bits: number): number {
  return all & ~bits;
}

/** What a state says of a grant. */
export function grantOf(state: number): { readonly ours: boolean; readonly held: boolean } {
  return { ours: (state & ours) !== 0, held: (state & held) !== 0 };
}

/** The bits of a grant. */
export function bitsOf(grant: { readonly ours: boolean; readonly held: boolean }): number {
  const bits = (grant.held ? held : 0) | (grant.ours ? ours : 0);
  return bits === 0 ? begun : bits;
}
