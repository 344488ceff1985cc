export type {
  Change,
  ChangeBatch,
  ChangeStream,
  Delete,
  ManagedAttributes,
  MemberChange,
  MemberReference,
  Name,
  NameKind,
  Present,
  ResourceTypes,
  SourceLag,
  Sweep,
  Unreadable,
  Upsert,
} from "./change.js";
export { type RecordOptions, recordChanges } from "./record.js";
export { InvalidRecordingError } from "./recording.js";
export { type ReplayOptions, replayChanges } from "./replay.js";
