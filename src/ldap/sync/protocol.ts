import type { Change } from "../../changes/index.js";
import type { EncodedMessage } from "../wire/message.js";
import type { Check, DueCheck, DueChecks } from "./checks.js";
import type { ResetReason } from "./events.js";
import type { MessageBuffer } from "./message-buffer.js";
import type { Pass, PassOptions } from "./pass.js";
import type { Reading } from "./reading.js";
import type { Searches } from "./searches.js";

/** What positions say: up to where the changes of a server were read. `P` is a position. */
export interface Positions<P> {
  /** The position in a cookie of the server; undefined where that says nothing of the content. */
  parse(cookie: Uint8Array | undefined): P | undefined;
  /** The cookie to send. */
  print(position: P): string;
  /** What both cover together. */
  merge(one: P | undefined, other: P): P;
  /** Whether a position covers all that the other one does. */
  includes(position: P, other: P): boolean;
  /** Compares positions with the stamps of entries, where that can be done. */
  readonly stamps?: {
    /** Whether a position covers the version of an entry that has this stamp. */
    isCovered(position: P, stamp: string): boolean;
    /** What the version of an entry with this stamp covers by itself; undefined where it is another kind of stamp. */
    positionOf(stamp: string): P | undefined;
    /** The newest stamp that is covered. */
    newest(position: P): string;
    /** The stamp that bounds the deletions which came with a cookie, where there is one. */
    ofDeletions(position: P): string | undefined;
  };
}

/** Where the changes of a server were left, as a checkpoint has it. */
export interface StoredPosition<P> {
  readonly cookie: P;
  /** Which parents there were, in short: a cookie does not say whether one was moved since. */
  readonly parents?: string | undefined;
}

/** What a protocol works with, besides its own: all for one connection. */
export interface ReaderTools {
  readonly reading: Reading;
  readonly searches: Searches;
  /** Takes the checks that are necessary before a position may be handed over. */
  readonly due: DueChecks;
}

/** A pass over the content that begins with what was resumed from. */
export interface RefreshPass<P> extends Pass<P> {
  readonly resumedFrom: P | undefined;
  /** What the server itself holds, as it said at the end: less than what was resumed from where it lags behind. */
  readonly held: P | undefined;
  /** Whether something outside of the content may have changed, too, such as a parent of what is in it. */
  readonly isBeyondEntries: boolean;
}

/** A refresh that has been asked for, and the changes that come after it. */
export interface RefreshUnderWay<P> {
  readonly refresh: RefreshPass<P>;
  /** The messages that the refresh reads. */
  readonly messages: MessageBuffer;
  /** The messages of the changes after it: the same where one search carries both. */
  readonly live: MessageBuffer;
  /** Once it has been read: the checks that have to follow it, or the reason to read everything anew instead. */
  judge(): readonly DueCheck[] | ResetReason;
}

/** How a reader asks one server, and what it makes of the responses. There is one for each connection. */
export interface Protocol<P> {
  readonly positions: Positions<P>;
  /** What was resumed from, if anything. */
  readonly former: StoredPosition<P> | undefined;
  /** What the server itself holds, as the stamps of a change stream; undefined where it does not say. */
  readonly state: readonly string[] | undefined;
  /**
   * Whether the server reports moves of entries below which others are, when those are followed by a search of their
   * own.
   */
  readonly followsParents: boolean;
  /** Whether changes come in the order in which they were made. */
  readonly isOrderSure: boolean;
  /** The position as a checkpoint has it, in a form of the dialect's own. */
  print(position: StoredPosition<P>): string;
  /** Asks the server what is to be known before anything is read. */
  open(): Promise<void>;
  /** Asks for everything, or for what has changed since a position. */
  begin(since: P | undefined): RefreshUnderWay<P>;
  /** More has been read: all that is covered now, and what of the news the server has said that it holds itself. */
  advanced(covered: P, held: P | undefined): void;
  /** Reads a message of the changes after the refresh. @returns what is covered by it, where it says so. */
  readLive(message: EncodedMessage, changes: Change[], touched?: Set<string>): P | undefined;
  /** A check is about to begin, while this is covered. */
  beforeCheck(covered: P | undefined): Promise<void>;
  /** Asks once more for what changed since the end of the refresh. */
  secondPass(since: P | undefined, options: PassOptions): Pick<Check<P>, "pass" | "messages">;
  /** Looks at the names of all entries, where the server needs another way of it than {@link NameList}. */
  listNames?(options: PassOptions): Pick<Check<P>, "pass" | "messages">;
  /**
   * A check has ended. More may be due for what it found.
   *
   * @returns what is covered now, beyond what the changes cover, where a check decides that.
   */
  checked(kind: Check<P>["kind"], pass: Pass<P>, covered: P | undefined): P | undefined;
  /** Why a resume failed, if it is because of the position. */
  resetReason(error: unknown): ResetReason | undefined;
}
