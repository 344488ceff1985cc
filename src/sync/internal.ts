/** What sibling rooms need of this one: it is no entry point of the package. */

export {
  isAhead,
  isEarlier,
  isOutdated,
  isOutdatedDelete,
  knownStamp,
  type Order,
  type Ordering,
  orderOfBatch,
  readAgainIfUnsure,
} from "./comparison/order.js";
export { noLaterThan, readBound } from "./comparison/stamp.js";
export { withoutPassword } from "./entries/apply.js";
export { mergedNames } from "./memberships/references.js";
export { batchesOf } from "./run/batches.js";
export { Findings } from "./run/findings.js";
export { untilDone } from "./run/outages.js";
export { untilSilent } from "./run/standby.js";
export { leaseFrom, limitFrom } from "./settings.js";
