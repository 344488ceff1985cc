import type { ReplicatedWriteOptions } from "./records.js";

/** Where {@link DirectoryFaults.dropConnection} drops a connection. */
export interface DropPoint {
  /** How many messages are still sent. Default 0. */
  readonly afterMessages?: number;
  /** How many bytes are still sent, besides those messages; a message may be cut in two. Default 0. */
  readonly afterBytes?: number;
  /**
   * Which messages and bytes count: those of all clients, or those of synchronizations, in the refresh or after it. Its
   * last message, which says that it is over, belongs to the refresh. Default `all`.
   */
  readonly of?: "all" | "refresh" | "live";
}

/** What a cookie that is spoilt is like: without its CSNs, no cookie of this server at all, or without a byte. */
export type SpoiltCookie = "bare" | "garbage" | "empty";

/** Something that stands still until it is allowed to go on. */
export interface Stall extends Disposable {
  /** It goes on. Does nothing the second time, as when `faults.clear()` did it before. */
  end(): void;
}

/** A write that has its CSN and has not happened yet. */
export interface DelayedWrite {
  /** The CSN that it took when it began. */
  readonly csn: string;
  /**
   * Lets it happen. Does nothing the second time.
   *
   * @throws {DirectoryError} the write is not possible, or not any more.
   */
  complete(): void;
}

/**
 * What can go wrong with a directory, for tests of those who follow it: each fault is planned with one call, and
 * happens at the next occasion. Planned faults wait in the order in which they were planned, and happen once each.
 *
 * @example
 * ```ts
 * directory.faults.dropConnection({ of: "refresh", afterMessages: 2 });
 * directory.faults.refuseResume(ResultCode.syncRefreshRequired);
 * ```
 */
export interface DirectoryFaults {
  /**
   * Drops a connection, as a network does: the client whose message is the one after those that are counted, across all
   * clients and from now on, does not get it. With nothing given, the next message.
   */
  dropConnection(point?: DropPoint): void;
  /**
   * Answers the next synchronization that brings a cookie with a result code. OpenLDAP has e-syncRefreshRequired (4096,
   * RFC 4533 §2.6) for a state that it does not know any more, and unwillingToPerform (53) for one of the future.
   *
   * @param resultCode - default 4096.
   */
  refuseResume(resultCode?: number): void;
  /**
   * Answers the next synchronization that brings a cookie as OpenLDAP answers one that it cannot read: with the whole
   * content, but ended as if only what changed had been sent (refreshDeletes), and with an empty cookie.
   */
  ignoreCookie(): void;
  /**
   * Spoils the next cookies that are sent at the end of a refresh or with a live change. A busy OpenLDAP sends cookies
   * without a CSN ones.
   *
   * @param count - how many. Default 1.
   */
  spoilCookies(how: SpoiltCookie, count?: number): void;
  /**
   * Forgets all but the last writes of the session log, at once.
   *
   * @param keep - how many are kept. Default 0.
   */
  trimSessionLog(keep?: number): void;
  /**
   * Begins a write that takes its CSN now and happens later, so that writes with later CSNs overtake it.
   *
   * Until it is complete, those change entries and are sent to searches that persist, but with cookies without a CSN,
   * while `contextCSN` stays where it is; when it is complete, `contextCSN` moves to its CSN, and to theirs only with
   * the next write. A client that resumes before that does not receive deletions that are later than `contextCSN`. A
   * search that is to persist waits until no write is under way. All of this is what OpenLDAP does.
   *
   * Do not delay a write to an entry that is written to meanwhile: OpenLDAP does those one after the other.
   *
   * @param write - does one write with the directory's methods.
   */
  delayWrite(write: () => unknown, options?: ReplicatedWriteOptions): DelayedWrite;
  /**
   * Does something in the middle of the next refresh. What is written then is sent after the refresh, but may be seen
   * in it: an entry that is added before the first message is in the list of those that are present.
   *
   * @param afterMessages - how many messages of the refresh are sent before. Default 0.
   */
  duringRefresh(work: () => void | Promise<void>, afterMessages?: number): void;
  /**
   * Does a write, and undoes it as if a plug-in had refused it. To searches that persist, a 389 Directory Server
   * reports it all the same; an OpenLDAP does not.
   *
   * @param write - does one write with the directory's methods.
   */
  undo(write: () => unknown): void;
  /** Sends nothing to any client until the stall ends. What is to be sent waits in the directory. */
  stopSending(): Stall;
  /**
   * Waits before each message to any client, until {@link DirectoryFaults.clear}.
   *
   * @param pause - fulfilled when the next message may be sent; when it is rejected, the connection is dropped.
   */
  sendSlowly(pause: () => Promise<void>): void;
  /** Reads no request of any client until the stall ends. */
  stopReading(): Stall;
  /**
   * The directory works as it should: what is still planned is forgotten, what stands still goes on, and delayed writes
   * happen, or do not if they are not possible.
   */
  clear(): void;
}
