export { StreamTakenError } from "../core/index.js";
export { type Removal, removalsDigest } from "./accepted-removals.js";
export { type Plan, type PlannedOutcome, planChanges } from "./dry-run/plan.js";
export { type RefusedChange, refusedChanges } from "./entries/refused.js";
export type {
  Cleared,
  DeferredOutcome,
  IgnoredOutcome,
  MembershipDeferredOutcome,
  MembershipIgnoredOutcome,
  MembershipOutcome,
  Outcome,
  Removals,
  RemovedOutcome,
  RenamedOutcome,
  ResourceOutcome,
  Subject,
} from "./outcome.js";
export { readAnew } from "./read-anew.js";
export { retryRefusedChanges } from "./retry-refused.js";
export type { Limit, Protectable, SynchronizeOptions } from "./settings.js";
export { type PendingMember, type StreamState, streamState } from "./stream-state.js";
export { synchronize } from "./synchronize.js";
