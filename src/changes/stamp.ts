/**
 * Which server made the change with this stamp. A stamp with four parts between `#`, as OpenLDAP's `entryCSN` has them, names its
 * server in the third one; all others of a source are of one server.
 */
export function originOf(stamp: string): string {
  const parts = stamp.split("#");
  return parts.length === 4 ? (parts[2] ?? "") : "";
}

/**
 * Whether a source that holds everything up to these stamps, one for each server that makes changes, holds the change with this
 * one. Without a stamp of its server it does not: that server's changes have yet to reach the source.
 */
export function isCovered(stamp: string, state: readonly string[]): boolean {
  const origin = originOf(stamp);
  return state.some((covered) => originOf(covered) === origin && stamp <= covered);
}
