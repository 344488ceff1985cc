/**
 * Which server made the change with this stamp. A stamp with four parts between `#`, as OpenLDAP's `entryCSN` has them,
 * names its server in the third one; all others of a source are of one server.
 */
export function originOf(stamp: string): string {
  const parts = stamp.split("#");
  return parts.length === 4 ? (parts[2] ?? "") : "";
}

const noLater = "<=";

/** The stamp of a change that is not known, but that it was no later than the one with this stamp. */
export function noLaterThan(stamp: string): string {
  return `${noLater}${stamp}`;
}

/** Whether a stamp is only the latest that it can be, and that one. */
export function readBound(stamp: string): { readonly latest: string; readonly isBound: boolean } {
  const isBound = stamp.startsWith(noLater);
  return { latest: isBound ? stamp.slice(noLater.length) : stamp, isBound };
}

/**
 * Whether a source that holds everything up to these stamps, one for each server that makes changes, holds the change
 * with this one. Without a stamp of its server it does not: that server's changes have yet to reach the source.
 */
export function isCovered(stamp: string, state: readonly string[]): boolean {
  const { latest } = readBound(stamp);
  const origin = originOf(latest);
  return state.some((covered) => originOf(covered) === origin && latest <= covered);
}
