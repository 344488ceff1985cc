import { channel } from "node:diagnostics_channel";
import type { SessionsEnded } from "../repositories/index.js";
import type { Ignored, Rewrite, ScimType } from "../scim/index.js";

/** The name of the diagnostics channel that carries every request, when its response is made. */
export const requestChannelName = "concordat:scim-server.request";

/** What is published on {@link requestChannelName}: what a request log needs. Secrets are masked in it. */
export interface RequestEvent {
  /** The method of the request, such as `PATCH`. */
  readonly method: string;
  /** The path below the base URL, such as `/Users/2819c223-7f76-453a-919d-413861904646`. */
  readonly path: string;
  /**
   * The parameters of the query, where there are any. They may hold names and addresses of people. The value of one
   * that RFC 7644 does not have is masked.
   */
  readonly query?: Readonly<Record<string, string>>;
  /** The `id` of the principal; absent where none is known. */
  readonly principal?: string;
  /** The status of the response. */
  readonly status: number;
  /** Which kind of error it is, where RFC 7644 has a name for it (§3.12, table 9). */
  readonly scimType?: ScimType;
  /** What went wrong, in the words that the client was sent. */
  readonly detail?: string;
  /** The error behind a status of 500 and more, which the client was not sent. */
  readonly error?: unknown;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** The body of the request, with `[masked]` in the place of values that are never returned, such as passwords. */
  readonly body?: unknown;
  /** What was ignored in what the client sent. */
  readonly ignored: readonly IgnoredPart[];
  /** What the profile made of things that are not as the RFCs have them. */
  readonly rewrites: readonly Rewrite[];
  /** What became of the sessions of users who were deactivated or deleted. */
  readonly sessions: readonly { readonly id: string; readonly outcome: SessionsEnded }[];
}

/**
 * A part of a request that was ignored. `forbidden`: the principal may not write it. `unsupported`: the store has no
 * place for it. `lost`: it refers to a resource that is not known.
 */
export interface IgnoredPart extends Omit<Ignored, "reason"> {
  /** Why it was ignored. */
  readonly reason: Ignored["reason"] | "forbidden" | "unsupported" | "lost";
}

/** What is noted of a request while it is handled. */
export class RequestRecord {
  readonly ignored: IgnoredPart[] = [];
  readonly rewrites: Rewrite[] = [];
  readonly sessions: { readonly id: string; readonly outcome: SessionsEnded }[] = [];
  principal: string | undefined;
  body: unknown;
  error: unknown;

  /** Notes what the store did not refuse, and has not kept. */
  readonly notKept = (paths: readonly string[]): void => {
    const known = new Set(this.ignored.map(({ path }) => path));
    const others = paths.filter((path) => !known.has(path));
    this.ignored.push(...others.map((path): IgnoredPart => ({ path, reason: "unsupported" })));
  };
}

/** Publishes an event, if there is a subscriber. */
export function publish(event: () => RequestEvent): void {
  const subscribed = channel(requestChannelName);
  if (subscribed.hasSubscribers) subscribed.publish(event());
}
