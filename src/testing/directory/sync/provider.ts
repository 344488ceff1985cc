import type { CsnSet } from "../entries/csn.js";
import type { Write } from "../entries/tree.js";
import type { LiveSearch } from "./live-search.js";
import type { Content, Refresh, SyncRequest } from "./message.js";

/** Which server the directory plays, by how it speaks RFC 4533. */
export type DirectoryKind = "openldap" | "389ds" | "freeipa";

/** What answers the content synchronization operation. */
export interface SyncProvider {
  /** What `contextCSN` holds. */
  readonly contextCsns: CsnSet;
  /** While a write has its CSN and has not happened: fulfilled when there is none. */
  readonly writesFinished: Promise<void> | undefined;
  /** Forgets what it remembers of writes. */
  clearLog(): void;
  trimLog(keep: number): void;
  /** A write has its CSN, and will be recorded, or given up, later. */
  begin(csn: string, serverId: number): void;
  end(csn: string): void;
  record(write: Write): void;
  /** The state, for {@link restore}. */
  save(): CsnSet;
  restore(state: CsnSet): void;
  /** @throws {DirectoryError} where it cannot resume. */
  refresh(content: Content, request: SyncRequest): Refresh;
  follow(content: Content, request: SyncRequest): LiveSearch;
}
