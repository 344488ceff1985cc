import { setTimeout as sleep } from "node:timers/promises";
import type { WireResponse } from "./exchange.js";

/**
 * How long a service provider asks to wait, in milliseconds: Retry-After in seconds or as a date, which is held against
 * the Date of the same response, since the clocks of the two sides may differ. RFC 9110 §10.2.3.
 */
export function retryAfterIn(response: WireResponse, now: () => number): number | undefined {
  const field = response.header("retry-after")?.trim();
  if (field === undefined) return undefined;
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1_000;
  const until = httpDate(field);
  if (until === undefined) return undefined;
  return Math.max(until - (httpDate(response.header("date")) ?? now()), 0);
}

/** IMF-fixdate, the one form that may be sent. RFC 9110 §5.6.7. */
function httpDate(text: string | undefined): number | undefined {
  const isDate =
    text !== undefined &&
    /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text);
  const time = isDate ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Waits; rejects with the signal's reason. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
