export { StreamTakenError } from "../core/index.js";
export { type RefusedChange, refusedChanges } from "./entries/refused.js";
export type {
  Cleared,
  DeferredOutcome,
  IgnoredOutcome,
  MembershipDeferredOutcome,
  MembershipOutcome,
  Outcome,
  Removals,
  RemovedOutcome,
  RenamedOutcome,
  ResourceOutcome,
  Subject,
} from "./outcome.js";
export { readAnew } from "./read-anew.js";
export type { Limit, Protectable, SynchronizeOptions } from "./settings.js";
export { synchronize } from "./synchronize.js";
