export {
  type AttributeChanges,
  type AttributeInput,
  type AttributesInput,
  type Directory,
  type DirectoryEntry,
  type DirectoryOptions,
  type DirectoryWrite,
  type NewEntry,
  startDirectory,
  type WriteOptions,
} from "./directory.js";
export type { Scope } from "./entry.js";
export { DirectoryError, ResultCode } from "./errors.js";
