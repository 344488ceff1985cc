import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { SignOnEvent } from "concordat/sso";
import { onTestFinished } from "vitest";

/** What is told on a channel from now on. */
export function listen(name: string): SignOnEvent[] {
  const events: SignOnEvent[] = [];
  const take = (event: unknown): void => void events.push(event as SignOnEvent);
  subscribe(name, take);
  onTestFinished(() => void unsubscribe(name, take));
  return events;
}
