import type { Pool } from "undici";
import type { FederationServer } from "../../repositories/index.js";
import type { Breaker } from "./breaker.js";
import { defaultLimits, isFull } from "./pool.js";

/** How often a server is asked whether it is well, in milliseconds, where its definition does not say. */
const defaultInterval = 10_000;

/**
 * Checks the health of a server at intervals, and reports it to the breaker. `undefined` where its definition asks for
 * none.
 */
export function watchHealth(
  server: FederationServer,
  basePath: string,
  pool: Pool,
  breaker: Breaker,
): Disposable | undefined {
  const { healthCheck, limits } = server;
  if (healthCheck === undefined) return undefined;
  const stop = new AbortController();
  const check = async (): Promise<void> => {
    // A check that waits for a connection finds nothing out; requests that have one do.
    if (isFull(pool, server)) return;
    const verdict = await isWell();
    if (!stop.signal.aborted) breaker.learn(verdict ? "well" : "failed");
  };
  const isWell = async (): Promise<boolean> => {
    const limit = limits?.firstByte ?? defaultLimits.firstByte;
    try {
      const { statusCode, body } = await pool.request({
        method: "GET",
        path: basePath + healthCheck.path,
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(limit)]),
      });
      await body.dump();
      return statusCode < 300;
    } catch {
      return false;
    }
  };
  const timer = setInterval(() => void check(), healthCheck.interval ?? defaultInterval);
  timer.unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      stop.abort();
    },
  };
}
