import { setTimeout as pause } from "node:timers/promises";
import type { Company } from "./company.ts";

/** How many changes there are, and the pause between them in milliseconds. */
const changes = 60;
const interval = 150;

/**
 * Changes the directory again and again. In the meantime payroll is stopped and started again, and the wiki, which may
 * have begun already, begins.
 */
export async function demonstrate(
  { applications: [, payroll, wiki], changes: directory }: Company,
  signal: AbortSignal,
): Promise<void> {
  for (let number = 0; number < changes; number++) {
    if (number === changes / 6) await payroll.stop();
    if (number === changes / 2) wiki.start();
    if (number === (2 * changes) / 3) payroll.start();
    directory.next();
    await pause(interval, undefined, { signal });
  }
}
