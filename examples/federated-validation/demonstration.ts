import { setTimeout as pause } from "node:timers/promises";
import type { Company } from "./company.ts";

/** How many requests there are, and the pause between them in milliseconds. */
const requests = 80;
const interval = 100;

/** Lets Alan and Berta ask in turn, and in the meantime stops one child and starts it again. */
export async function demonstrate(
  { children: [north], handler, tokens }: Company,
  signal: AbortSignal,
): Promise<void> {
  for (let number = 0; number < requests; number += 1) {
    if (number === requests / 4) await north.stop();
    if (number === requests / 2) await north.start();
    const user = number % 2 === 0 ? "alan" : "berta";
    const body = new URLSearchParams({ user, pass: tokens.get(user)?.press() ?? "" });
    await handler(new Request("http://localhost/validate/check", { method: "POST", body, signal }));
    await pause(interval, undefined, { signal });
  }
}
