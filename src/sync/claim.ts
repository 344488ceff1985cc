import type { StreamPosition, SyncTarget } from "../repositories/index.js";

/** How many numbers the first epoch is chosen from: as many again are left in an integer of 32 bits. */
const firstEpochs = 2 ** 30;

/**
 * Makes the caller the one runner of a stream. Where the position was lost, the epochs begin at a number that is chosen at random: who
 * followed the stream before has another one, and the links know better how many refreshes there were.
 *
 * @returns the position as it is known now.
 */
export async function claimStream(
  { checkpoints, links }: SyncTarget,
  source: string,
): Promise<StreamPosition> {
  const claimed = await checkpoints.claim(source);
  const isFirst = claimed.revision === 1;
  const position = isFirst
    ? await checkpoints.save(source, {
        ...claimed,
        epoch: claimed.epoch + Math.floor(Math.random() * firstEpochs),
      })
    : claimed;
  const generation = Math.max(position.generation, await links.latestSeen(source));
  return { ...position, generation };
}
