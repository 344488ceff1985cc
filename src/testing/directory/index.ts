export { startDirectory } from "./directory.js";
export type {
  AttributeChanges,
  Directory,
  DirectoryBackup,
  DirectoryOptions,
  DirectoryWrite,
} from "./directory-interface.js";
export type { Scope } from "./entries/entry.js";
export { DirectoryError, ResultCode } from "./errors.js";
export type {
  DelayedWrite,
  DirectoryFaults,
  DropPoint,
  SpoiltCookie,
  Stall,
} from "./faults.js";
export type {
  AttributeInput,
  AttributesInput,
  DirectoryEntry,
  NewEntry,
  WriteOptions,
} from "./records.js";
