export { StreamTakenError } from "./errors.js";
export type {
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
export { type RefusedChange, refusedChanges } from "./refused.js";
export type { DeleteLimit, Protectable, SynchronizeOptions } from "./settings.js";
export { synchronize } from "./synchronize.js";
