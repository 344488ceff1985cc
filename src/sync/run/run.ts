import type { ChangeStream } from "../../changes/index.js";
import type { SyncTarget } from "../../repositories/index.js";
import type { Settings } from "../settings.js";
import { Checkpoints } from "./checkpoints.js";
import { Deferrals } from "./deferrals.js";
import { Findings } from "./findings.js";
import { Runner } from "./runner.js";

/** One run of synchronisation, and what it keeps in memory. */
export interface Run {
  readonly stream: ChangeStream;
  readonly settings: Settings;
  /** What it has found out. */
  readonly findings: Findings;
  /** What waits for another occasion. */
  readonly deferrals: Deferrals;
  /** What can be stored of where it stands. */
  readonly checkpoints: Checkpoints;
  /** What does all work in steps. */
  readonly runner: Runner;
}

export function beginRun(
  stream: ChangeStream,
  target: SyncTarget,
  settings: Settings,
  dryRun: boolean,
): Run {
  const findings = new Findings(stream);
  const deferrals = new Deferrals(settings);
  const runner = new Runner(stream, target, settings, { findings, deferrals, dryRun });
  const checkpoints = new Checkpoints(findings);
  return { stream, settings, findings, deferrals, checkpoints, runner };
}
