import type { Change, Unreadable } from "../../changes/index.js";
import type { Identification } from "../profile/identification.js";
import type { EntryMapper } from "../profile/mapper.js";
import type { EncodedMessage, OversizedEntry } from "../wire/message.js";

/** A look at the content from which changes come: a refresh of RFC 4533, or a list of names. `P` is a position. */
export interface Pass<P> {
  /** Reads a message of the search, and adds what it means to the changes. */
  read(message: EncodedMessage, changes: Change[]): void;
  /** Whether the last message has been read. */
  readonly ended: boolean;
  /** Whether all that exists was mentioned, so that whatever was not is gone. */
  readonly sweeps: boolean;
  /** Whether entries that exist may be missing although it mentions all that it should, so that it sweeps nothing. */
  readonly isReload?: boolean;
  /** What the content covers by it, where the server says so. */
  readonly cookie?: P | undefined;
}

/** What a pass needs to know, besides its messages. */
export interface PassOptions {
  readonly mapper: EntryMapper;
  /** The ids that are ignored, since something newer is known of them. It grows while the pass is read. */
  readonly touched?: ReadonlySet<string>;
}

/** The change that says that an entry exists and was too long to be read. */
export function unreadable(sourceId: string, { dn, size }: OversizedEntry): Unreadable {
  return {
    kind: "unreadable",
    sourceId,
    code: "too_large",
    message: `The entry "${dn}" is ${size} bytes long, which is more than maxMessageSize.`,
  };
}

/** How many entries one search asks for by their ids. */
export const idsPerSearch: number = 100;

/** The filter that matches those entries of a content that have one of these ids. */
export function filterOfIds(
  filter: string,
  ids: readonly string[],
  identification: Identification,
): string {
  return `(&${filter}(|${ids.map(identification.filter).join("")}))`;
}

/** How many unchanged entries one change names at most. */
export const entriesPerChange: number = 256;
