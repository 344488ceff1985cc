import { type Channel, channel } from "node:diagnostics_channel";
import type { Consumer } from "../repositories/index.js";
import type { SignatureRefusal } from "../signing/index.js";
import { SignOnError, type SignOnReason, type SiteResponse } from "./errors.js";

/** The name of the diagnostics channel that says how each step at a sign-on server has ended. */
export const signOnServerChannelName = "concordat:sso.server";

/** The name of the diagnostics channel that says how each step at a client has ended. */
export const signOnClientChannelName = "concordat:sso.client";

/**
 * What is published on {@link signOnServerChannelName} and {@link signOnClientChannelName}. It holds no token, no
 * secret and nothing of a user.
 */
export interface SignOnEvent {
  /** The URL of the handler. */
  readonly site: string;
  /**
   * What was done.
   *
   * - At a server: `request-token`, `authorize`, `verify` and `sign-out` are asked of it; `tell` is a sign-out of which
   *   it notifies a consumer.
   * - At a client: `begin` and `authenticate` are steps of visitors; `sign-out` is what the server says; `tell` is a
   *   sign-out of which it notifies the server.
   * - `unknown` is a path at which there is nothing.
   */
  readonly step:
    | "request-token"
    | "authorize"
    | "verify"
    | "begin"
    | "authenticate"
    | "sign-out"
    | "tell"
    | "unknown";
  /** The status of the response; with `tell`, of the failure. It is 500 where the handler rejected. */
  readonly status: number;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /**
   * Whether the page in `next` was not taken, since it is none of this site or is too long: the visitor will be sent
   * home.
   */
  readonly isNextRefused?: true;
  /** Why it was refused, if it was. */
  readonly reason?: SignOnReason;
  /**
   * The key of the consumer. Where a signature was refused, that which the message names: any sender may have written
   * it.
   */
  readonly consumer?: string;
  /** The format of the consumer, once it is known. */
  readonly format?: Consumer["format"];
  /** Why the signature was refused, if it was. */
  readonly refusal?: SignatureRefusal["code"];
  /** What was wrong with a message that is none. */
  readonly detail?: string;
  /**
   * By how many seconds the clock here is ahead of the time in a message that was refused for its time; or, where the
   * other site refused, of its clock as `Date` in its response has it. Negative: behind.
   */
  readonly skew?: number;
  /** The response of the other site, where it refused. */
  readonly answered?: SiteResponse;
}

/** What is found out about a step while it is at work. */
export interface StepTrace {
  consumer?: string;
  format?: Consumer["format"];
  isNextRefused?: true;
}

/** Publishes how steps end, if the channel has subscribers. */
export class StepPublisher {
  readonly #channel: Channel;
  readonly #site: string;

  constructor(name: string, site: string) {
    this.#channel = channel(name);
    this.#site = site;
  }

  /**
   * Does a step, and says how it ended: with a status, and why where it failed; or, where it throws, with that error.
   */
  async watch<R>(
    step: SignOnEvent["step"],
    trace: StepTrace,
    work: () => Promise<{ readonly result: R; readonly status: number; readonly error?: unknown }>,
  ): Promise<R> {
    const begun = performance.now();
    try {
      const { result, status, error } = await work();
      this.#publish(step, trace, begun, status, error);
      return result;
    } catch (error) {
      this.#publish(step, trace, begun, error instanceof SignOnError ? error.status : 500, error);
      throw error;
    }
  }

  #publish(
    step: SignOnEvent["step"],
    trace: StepTrace,
    begun: number,
    status: number,
    error: unknown,
  ): void {
    if (!this.#channel.hasSubscribers) return;
    const event: SignOnEvent = {
      site: this.#site,
      step,
      status,
      duration: performance.now() - begun,
      ...trace,
      ...(error instanceof SignOnError ? failureParts(error) : {}),
    };
    this.#channel.publish(event);
  }
}

function failureParts({ reason, consumer, refusal, answered }: SignOnError): Partial<SignOnEvent> {
  const skew = refusal === undefined ? answered?.skew : skewOf(refusal);
  return {
    reason,
    ...(consumer === undefined ? {} : { consumer }),
    ...(refusal === undefined ? {} : { refusal: refusal.code }),
    ...(refusal !== undefined && "detail" in refusal ? { detail: refusal.detail } : {}),
    ...(skew === undefined ? {} : { skew }),
    ...(answered === undefined ? {} : { answered }),
  };
}

function skewOf(refusal: SignatureRefusal): number | undefined {
  if (refusal.code === "stale") return refusal.seconds;
  return refusal.code === "skewed" ? -refusal.seconds : undefined;
}
