export { StreamTakenError } from "../core/index.js";
export type {
  Cleared,
  DeferredOutcome,
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
export { type RefusedChange, refusedChanges } from "./refused.js";
export type { Limit, Protectable, SynchronizeOptions } from "./settings.js";
export { synchronize } from "./synchronize.js";
