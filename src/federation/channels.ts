import { type Channel, channel } from "node:diagnostics_channel";
import type { FederationReason } from "./errors.js";
import type { BreakerState } from "./transport/breaker.js";

/** The name of the diagnostics channel that says which rules apply to a request, and which not and why. */
export const decisionChannelName = "concordat:federation.decision";

/** The name of the diagnostics channel that says how each try to pass a request on has ended. */
export const forwardChannelName = "concordat:federation.forward";

/** The name of the diagnostics channel that says which servers are left in peace, and when they are back. */
export const breakerChannelName = "concordat:federation.breaker";

/**
 * The name of the diagnostics channel that says when a request got the local response although a rule wanted that of a
 * server, which has failed.
 */
export const outageChannelName = "concordat:federation.outage";

/**
 * What is published on {@link decisionChannelName}. Nothing in it is secret: it names conditions, and quotes no value.
 */
export interface DecisionEvent {
  /** The name of the rule. */
  readonly rule: string;
  /** The event of privacyIDEA that the request is. */
  readonly event: string;
  /** Whether the rule stands before the host's own handler or after it. */
  readonly position: "pre" | "post";
  /** Whether the action of the rule is carried out. */
  readonly applies: boolean;
  /** The first condition that is not fulfilled, where there is one. */
  readonly condition?: string;
  /** Whether that is so because it cannot be checked, rather than because it is known. */
  readonly isUnknown?: boolean;
}

/** What is published on {@link forwardChannelName}. There is no path in it: some of privacyIDEA's hold a password. */
export interface ForwardEvent {
  /** The identifier of the server. */
  readonly server: string;
  /** The method of the request, such as `POST`. */
  readonly method: string;
  /** How many servers of the rule were tried before. */
  readonly attempt: number;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** The status of the response, if there was one. */
  readonly status?: number;
  /** Why it failed, if it did. */
  readonly reason?: FederationReason;
  /** Whether a byte of the request may have been sent, so that it must not be sent again. */
  readonly isSpent: boolean;
}

/** What is published on {@link outageChannelName}. */
export interface OutageEvent {
  /** The event of privacyIDEA that the request is. */
  readonly event: string;
  /** Why the server that was tried last has failed. */
  readonly reason: FederationReason;
  /** The server that was tried last. */
  readonly server?: string;
}

/** What is published on {@link breakerChannelName}. */
export interface BreakerEvent {
  /** The identifier of the server. */
  readonly server: string;
  /**
   * `open`: no request is sent to it until it has rested; `half-open`: one request tries it; `closed`: it is in use.
   */
  readonly state: BreakerState;
}

/**
 * Publishes on a channel, if it has subscribers. It holds the channel, since looking it up by its name takes longer
 * than asking it.
 */
export class EventPublisher<Event> {
  readonly #channel: Channel;

  constructor(name: string) {
    this.#channel = channel(name);
  }

  publish(event: () => Event): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(event());
  }
}

export const decisionEvents = (): EventPublisher<DecisionEvent> =>
  new EventPublisher(decisionChannelName);
export const forwardEvents = (): EventPublisher<ForwardEvent> =>
  new EventPublisher(forwardChannelName);
export const breakerEvents = (): EventPublisher<BreakerEvent> =>
  new EventPublisher(breakerChannelName);
export const outageEvents = (): EventPublisher<OutageEvent> =>
  new EventPublisher(outageChannelName);
