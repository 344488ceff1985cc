import type { Entry, Scope } from "../entries/entry.js";
import type { Filter } from "../entries/filter.js";

/** The entries that a search is about. */
export interface Content {
  /** The normalised DN of the base. */
  readonly base: string;
  readonly scope: Scope;
  readonly filter: Filter;
}

/** What a Sync Request Control asks for (RFC 4533 §2.2). */
export interface SyncRequest {
  readonly mode: "refreshOnly" | "refreshAndPersist";
  readonly cookie?: string;
  readonly reloadHint: boolean;
  /** Who asks. */
  readonly bindDn: string;
}

/** What the consumer is sent. RFC 4533 §2.3 to §2.5 */
export type SyncMessage =
  | {
      readonly kind: "entry";
      readonly state: "add" | "modify" | "delete";
      readonly entry: Entry;
      readonly cookie?: string;
      /** Whether it comes without operational attributes, whatever was asked for. */
      readonly isPartial?: boolean;
    }
  | { readonly kind: "newCookie"; readonly cookie: string }
  | {
      readonly kind: "idSet";
      readonly cookie?: string;
      readonly refreshDeletes: boolean;
      readonly uuids: readonly string[];
    };

/** A refresh that was begun: all that is sent before its end, and how it ends. */
export interface Refresh {
  readonly messages: Iterable<SyncMessage>;
  readonly refreshDeletes: boolean;
  readonly cookie?: string;
}
