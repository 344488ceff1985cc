import type { SyncTarget } from "../repositories/index.js";
export async function dryRunTarget(target: SyncTarget, _source: string): Promise<SyncTarget> {
  return target;
}
