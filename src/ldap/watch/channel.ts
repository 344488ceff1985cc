import { channel } from "node:diagnostics_channel";
import type { MappingProblem } from "../profile/mapper.js";
import type { ReaderStep, ResetReason } from "../sync/events.js";

/** The name of the diagnostics channel on which {@link watchDirectory} says what it does. */
export const watchChannelName = "concordat:ldap.watch";

/** Where the work of a stream stands. */
export type WatchStep =
  | ReaderStep
  /** There is a connection, and the bases have been found. */
  | {
      readonly event: "connected";
      /** The reader that is used for this server. */
      readonly dialect: string;
    }
  /** Everything will be read anew. */
  | {
      readonly event: "reset";
      /** Why, to switch on. */
      readonly reason: ResetReason;
    }
  /** The connection is lost or could not be made; the next attempt follows after `delay` milliseconds. */
  | {
      readonly event: "reconnecting";
      /** Which attempt in a row follows, counted from 1 since a refresh has ended last. */
      readonly attempt: number;
      /** How long it is until then, in milliseconds. */
      readonly delay: number;
      /** What the connection, or the attempt to make one, failed with. */
      readonly error: unknown;
    }
  /** An entry, or a value of it, could not be used. `count` is how often it has happened since reading began. */
  | {
      readonly event: "problem";
      /** What is wrong. */
      readonly problem: MappingProblem;
      /** The permanent id of the entry. */
      readonly sourceId: string;
      /** How often this problem has come since reading began, with any entry. */
      readonly count: number;
    };

/** What is published on {@link watchChannelName}. Nothing in it is secret. */
export type WatchEvent = WatchStep & {
  /** The name of the stream. */
  readonly source: string;
};

/** Publishes an event, if there is a subscriber. */
export function publish(event: WatchEvent): void {
  const watchChannel = channel(watchChannelName);
  if (watchChannel.hasSubscribers) watchChannel.publish(event);
}
