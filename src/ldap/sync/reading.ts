import type { ChangeBatch } from "../../changes/index.js";
import type { LdapConnection } from "../connection/connection.js";
import type { EntryMapper } from "../profile/mapper.js";
import type { Control } from "../wire/message.js";
import type { ReaderStep, ResetReason } from "./events.js";

/** Which entries are read, and which of their attributes. */
export interface Content {
  readonly base: string;
  /** The bases as the caller names them, of which `base` is the one or what is above them all. */
  readonly bases: readonly string[];
  readonly scope: "base" | "one" | "sub";
  readonly filter: string;
  /** Matches what has a class of the content, whatever else is required of it. */
  readonly classFilter: string;
  readonly attributes: readonly string[];
  /** The attributes that suffice to know an entry and its names. */
  readonly nameAttributes: readonly string[];
  /** Matches what of it may be a group; undefined where there are none. */
  readonly groupFilter?: string;
  /** Matches entries below which others may be; undefined where what is above an entry does not matter. */
  readonly parentFilter?: string;
  readonly controls: readonly Control[];
}

/**
 * What is to be done where an account may not see deleted objects, so that deletions would be missed without an error.
 *
 * `probe`: find out when the connection is made, and refuse in words. `trust`: do not look, since it is known that the
 * account sees them. `sweep`: look at all names after each connection and each `reconcileEvery`, and take for deleted
 * what is not there.
 */
export type DeletionPolicy = "probe" | "trust" | "sweep";

/** Waits. The promise is rejected with the signal's reason when that is aborted. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** What it takes to ask a server about the content over one connection. */
export interface Asking {
  readonly connection: LdapConnection;
  readonly content: Content;
  readonly signal: AbortSignal;
}

/** What it takes to read entries over one connection. */
export interface EntryReading extends Asking {
  readonly mapper: EntryMapper;
}

/** What a reader works with: one connection, for as long as it lasts. */
export interface Reading extends EntryReading {
  /** Whether to follow the changes after the refresh. */
  readonly follow: boolean;
  /** The most changes in a batch. */
  readonly batchSize: number;
  /** How often to look at all names while following, in milliseconds. */
  readonly reconcileEvery: number | undefined;
  /** Whether to look at all groups then, too. */
  readonly reconcileGroups: boolean;
  /** Up to when what expired has been handed over, as the checkpoint says that is resumed from. */
  readonly expiredUntil: number | undefined;
  /** How often to look for entries that expire, in milliseconds. */
  readonly expiriesEvery: number;
  /** How often to ask a server that does not send changes by itself, in milliseconds. */
  readonly pollEvery: number;
  /** How deletions are learned of where an account may be kept from seeing them. */
  readonly deletions: DeletionPolicy;
  /** The version of the base entry when the connection was made. */
  readonly baseStamp: string | undefined;
  readonly sleep: Sleep;
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  /** Says where the work stands. */
  report(step: ReaderStep): void;
  /** The position that was resumed from is of no use: forget it. */
  reset(reason: ResetReason): void;
}

/**
 * A batch on its way through generators. Each of them holds it until it is given the next one, so what takes a batch
 * takes its changes out of it: to V8, changes that still live while others are read are a reason to give the young more
 * and more memory.
 */
export interface PassingBatch extends Omit<ChangeBatch, "changes"> {
  changes: ChangeBatch["changes"];
}

/** A batch whose checkpoint has not been encoded. */
export interface ReaderBatch extends Omit<PassingBatch, "checkpoint"> {
  /** Where to resume once the changes are applied, in the dialect's own form. */
  readonly position?: string;
  /** Up to when what expired has been handed over by then, in milliseconds since the epoch. */
  readonly expiredUntil?: number;
}
