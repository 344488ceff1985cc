/** How many slots a table has at first; it has always a power of two. */
export const firstSlots = 1_024;

/** Whether so many of the slots are taken that a table is to grow. */
export function isFull(taken: number, slots: number): boolean {
  return taken >= slots * 0.75;
}

/** Goes through the slots of a table from the one of a hash, and back at its begin, to the first that is sought. */
export function findSlot(hash: number, slots: number, isSought: (slot: number) => boolean): number {
  let slot = hash & (slots - 1);
  while (!isSought(slot)) slot = (slot + 1) & (slots - 1);
  return slot;
}
