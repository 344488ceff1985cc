import type { Identification } from "../../profile/identification.js";
import { textOf } from "../../wire/attributes.js";

/**
 * The nsUniqueId, which is what 389 Directory Server puts into its Sync State Controls; the entryUUID is another
 * number. It is written in groups of eight digits, and is a UUID of version 1 (RFC 9562 §5.1), which says when it was
 * made.
 */
export const nsUniqueId: Identification = {
  id: "nsUniqueId",
  stamp: undefined,
  read: (value) => regrouped(textOf(value), [8, 4, 4, 4, 12]),
  filter: (id) => `(nsUniqueId=${regrouped(id, [8, 8, 8, 8])})`,
};

/** When an entry was made, in milliseconds since the epoch, by the clock of the server that made it. */
export function timeOfId(id: string): number {
  const [low = "", middle = "", high = ""] = id.split("-");
  const ticks = BigInt(`0x${high.slice(1)}${middle}${low}`);
  return Number(ticks / 10_000n - gregorianOffset);
}

/** From the beginning of the Gregorian calendar, from which such ids count, to the epoch, in milliseconds. */
const gregorianOffset = 12_219_292_800_000n;

function regrouped(id: string, groups: readonly number[]): string {
  const digits = id.toLowerCase().replace(/[^\da-f]/g, "");
  // What is no such id is another one, whatever it is: it must find nothing, and name nothing.
  if (digits.length !== 32) return "";
  const starts = groups.map((_, index) =>
    groups.slice(0, index).reduce((sum, one) => sum + one, 0),
  );
  return groups
    .map((length, index) => digits.slice(starts[index], (starts[index] ?? 0) + length))
    .join("-");
}
