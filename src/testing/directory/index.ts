export { startDirectory } from "./directory.js";
export type {
  AttributeChanges,
  Directory,
  DirectoryBackup,
  DirectoryOptions,
  DirectoryWrite,
} from "./directory-interface.js";
export type { ActiveDirectoryOptions } from "./dirsync/domain.js";
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
  NewEntry,
  ReplicatedWriteOptions,
  StoredEntry,
} from "./records.js";
export type { DirectoryKind } from "./sync/provider.js";
