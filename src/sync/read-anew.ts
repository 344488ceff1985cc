import type { CheckpointRepository } from "../repositories/index.js";

/**
 * Has everything of a source read anew: the next run begins without a checkpoint, as the first one did. It mends what
 * no change of the directory shows, such as attributes that an access rule has hidden and that can be read again.
 *
 * Nothing is removed by it. What was applied as it is now stated is not written once more. A process that follows the
 * stream ends with `StreamTakenError`, and reads everything when it is started again; with `standby` it waits for its turn,
 * and reads everything then.
 *
 * @param source the name of the stream, `ChangeStream.source`.
 */
export async function readAnew(checkpoints: CheckpointRepository, source: string): Promise<void> {
  const { checkpoint: _, ...position } = await checkpoints.claim(source);
  await checkpoints.save(source, position);
}
