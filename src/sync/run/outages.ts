import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../../core/index.js";
import type { Outcomes } from "../outcome.js";
import { type Settings, type SynchronizeOptions, settingsFrom } from "../settings.js";

/**
 * How long to wait for a store after an attempt has failed, in milliseconds: twice as long each time, and no less than
 * the store asked for.
 *
 * @throws the error of the attempt, where it was the last.
 */
export function delayAfter(
  error: unknown,
  attempt: number,
  { attempts, delay, maxDelay }: Settings["outages"],
): number {
  if (attempt >= attempts) throw error;
  const asked = error instanceof UnavailableError ? (error.retryAfter ?? 0) : 0;
  return Math.max(asked, Math.min(maxDelay, delay * 2 ** (attempt - 1)));
}

/** Does work that goes before synchronisation, again and again while a store is unavailable, as `outages` says. */
export async function* untilDone(
  work: () => Promise<unknown>,
  options: SynchronizeOptions,
): Outcomes {
  const { outages, signal } = settingsFrom(options);
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const delay = delayAfter(error, attempt, outages);
      yield { kind: "waiting", error, attempt, delay };
      await sleep(delay, undefined, signal === undefined ? {} : { signal });
    }
  }
}
