import { InvalidValueError } from "../core/index.js";
import type { SignatureRefusal } from "./verification.js";

/** How far the time of a message may be from the verifier's, in seconds. */
export interface TimeWindow {
  /** How old a message may be: its way, and how much the signer's clock may be behind. Default: 60. */
  readonly past?: number;
  /** How far a message may be from the future: how much the signer's clock may be ahead. Default: 30. */
  readonly future?: number;
}

/** A window with both its sides. */
export type BoundedWindow = Required<TimeWindow>;

/**
 * The window with its defaults.
 *
 * @throws {InvalidValueError} a side is negative or not a number.
 */
export function boundedWindow({ past = 60, future = 30 }: TimeWindow = {}): BoundedWindow {
  for (const [path, seconds] of Object.entries({ past, future })) {
    if (!(seconds >= 0 && Number.isFinite(seconds))) {
      throw new InvalidValueError(`window.${path}`, "it is a number of seconds from 0.");
    }
  }
  return { past, future };
}

/** The times of a message, in whole seconds since 1970. */
export interface MessageTimes {
  readonly created: number;
  /** Until when the signer wants it to pass. */
  readonly expires?: number;
}

/** Why a message with these times is refused now, if it is. */
export function untimely(
  times: MessageTimes,
  now: number,
  window: BoundedWindow,
): SignatureRefusal | undefined {
  const age = Math.floor(now) - times.created;
  if (-age > window.future) return { code: "skewed", seconds: -age, tolerated: window.future };
  const tolerated = lifetime(times, window);
  if (age > tolerated) return { code: "stale", seconds: age, tolerated };
  return undefined;
}

/**
 * When a message with these times is refused for its age by every clock that is as right as the window requires, in
 * seconds since 1970.
 */
export function staleFrom(times: MessageTimes, window: BoundedWindow): number {
  return times.created + lifetime(times, window) + window.future + 1;
}

function lifetime({ created, expires }: MessageTimes, { past }: BoundedWindow): number {
  return expires === undefined ? past : Math.min(past, expires - created);
}
