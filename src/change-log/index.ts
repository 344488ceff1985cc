export type { PublishOptions } from "./options.js";
export { type PublishOutcome, publishChanges } from "./publish.js";
export { type ChangeLogOptions, changeLog } from "./read.js";
export { InvalidLogError } from "./records.js";
