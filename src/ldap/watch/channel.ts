import { channel } from "node:diagnostics_channel";
import type { MappingProblem } from "../profile/mapper.js";

/** The name of the diagnostics channel on which {@link watchDirectory} says what it does. */
export const watchChannelName = "concordat:ldap.watch";

/** Why a stored checkpoint, or the cookie in it, is not resumed from, so that everything is read anew. */
export type ResetReason =
  /** The text is not a checkpoint of this package, or was changed or cut. */
  | "damaged"
  /** The checkpoint was made by another version, and has another form. */
  | "version"
  /** The checkpoint is of a server of another kind. */
  | "dialect"
  /** The checkpoint is of another directory: the base is not the entry that it was. */
  | "server"
  /** The base, the filter, the attributes, the profile or the bind DN has changed since. */
  | "content"
  /** The directory answered e-syncRefreshRequired: it does not know any more what changed since (RFC 4533 §2.6). */
  | "refreshRequired"
  /**
   * The directory seems to have ignored the cookie and to have told all that exists as if it were what changed. Only in the
   * mode `refreshOnly`: whoever goes on looks at what exists instead.
   */
  | "ignored"
  /**
   * The directory has several servers that take writes, and may not have told all that was deleted. Only in the mode
   * `refreshOnly`, and only where something has changed: whoever goes on looks at what exists instead.
   */
  | "severalServers"
  /**
   * The directory was started since, and one that was killed may not tell all that was deleted shortly before. Only in the mode
   * `refreshOnly`, and only where something has changed: whoever goes on looks at what exists instead.
   */
  | "serverRestarted"
  /** The directory would not resume (unwillingToPerform): mostly since it was set back to an earlier state. */
  | "refused";

/** Where the work of a stream stands. */
export type WatchStep =
  | { readonly event: "connected"; readonly dialect: string }
  /** A refresh begins: from a cookie, or of everything. */
  | { readonly event: "refreshing"; readonly resumed: boolean }
  /** A refresh has ended. Whether it told all that exists, so that the rest is swept. */
  | { readonly event: "refreshed"; readonly resumed: boolean; readonly swept: boolean }
  /** A check that runs while changes go on has ended: the second pass after a resume, or a look at all names or all groups. */
  | {
      readonly event: "checked";
      readonly check: "secondPass" | "names" | "groups" | "below";
      readonly swept: boolean;
    }
  /** Everything will be read anew. */
  | { readonly event: "reset"; readonly reason: ResetReason }
  /** The connection is lost or could not be made; the next attempt follows after `delay` milliseconds. */
  | {
      readonly event: "reconnecting";
      readonly attempt: number;
      readonly delay: number;
      readonly error: unknown;
    }
  /** An entry, or a value of it, could not be used. `count` is how often it has happened since reading began. */
  | {
      readonly event: "problem";
      readonly problem: MappingProblem;
      readonly sourceId: string;
      readonly count: number;
    };

/** What is published on {@link watchChannelName}. Nothing in it is secret. */
export type WatchEvent = WatchStep & {
  /** The name of the stream. */
  readonly source: string;
};

/** Publishes an event, if anybody listens. */
export function publish(event: WatchEvent): void {
  const watchChannel = channel(watchChannelName);
  if (watchChannel.hasSubscribers) watchChannel.publish(event);
}
