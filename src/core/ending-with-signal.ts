/**
 * Passes on what an iteration yields, and ends it without an error where it fails with the reason of the signal: to
 * abort a loop is a way to leave it, and there is nothing that the caller does not know.
 */
export async function* endingWithSignal<T>(
  iteration: AsyncIterable<T, void>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* iteration;
  } catch (error) {
    if (!isReasonOf(signal, error)) throw error;
  }
}

/** Whether an error is the reason with which the signal was aborted. */
export function isReasonOf(signal: AbortSignal | undefined, error: unknown): boolean {
  return signal?.aborted === true && error === signal.reason;
}
