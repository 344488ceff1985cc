export {
  type AttributeChanges,
  type Directory,
  type DirectoryOptions,
  type DirectoryWrite,
  startDirectory,
  type WriteOptions,
} from "./directory.js";
export type { Scope } from "./entry.js";
export { DirectoryError, ResultCode } from "./errors.js";
export type {
  DelayedWrite,
  DirectoryFaults,
  DropPoint,
  SpoiltCookie,
  Stall,
} from "./faults.js";
export type { AttributeInput, AttributesInput, DirectoryEntry, NewEntry } from "./records.js";
