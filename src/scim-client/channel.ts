import { channel } from "node:diagnostics_channel";

/** The name of the diagnostics channel that says how each try of a request has ended. */
export const clientRequestChannelName = "concordat:scim-client.request";

/** What is published on {@link clientRequestChannelName}. There are no bodies, queries and credentials in it. */
export interface ClientRequestEvent {
  /** The method of the request, such as `PATCH`. */
  readonly method: string;
  /** The path below the base URL, such as `/Users/2819c223-7f76-453a-919d-413861904646`. */
  readonly path: string;
  /** How many times the request was sent before. */
  readonly attempt: number;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** The status of the response, if there was one. */
  readonly status?: number;
  /** Why there was none. */
  readonly error?: unknown;
  /** Whether a byte of the request may have been sent. */
  readonly isSent: boolean;
}

/** The name of the diagnostics channel that says what a service provider did not take. */
export const clientIgnoredChannelName = "concordat:scim-client.ignored";

/** What is published on {@link clientIgnoredChannelName}: values that were sent, not refused, and not kept. */
export interface ClientIgnoredEvent {
  /** The name of the type of the resource, such as `User`. */
  readonly type: string;
  /** The id of the resource at the service provider. */
  readonly id: string;
  /** The paths of the attributes. */
  readonly paths: readonly string[];
}

/** Publishes what was not taken, if there is any, and the channel has subscribers. */
export function publishIgnored(type: string, id: string, paths: readonly string[]): void {
  const subscribed = channel(clientIgnoredChannelName);
  if (paths.length > 0 && subscribed.hasSubscribers) {
    subscribed.publish({ type, id, paths } satisfies ClientIgnoredEvent);
  }
}

/** Publishes how an attempt has ended, if the channel has subscribers. */
export function publish(event: () => ClientRequestEvent): void {
  const subscribed = channel(clientRequestChannelName);
  if (subscribed.hasSubscribers) subscribed.publish(event());
}
