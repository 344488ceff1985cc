import type { Report } from "./figures.ts";
import { measure, program } from "./measured.ts";

/** Whole sign-ons by each format, without a network. */
export async function measureSignOn(report: Report, runs: number): Promise<void> {
  report.section(`Sign-on, ${runs} rounds`);
  const { output } = await measure(program("sso.js", String(runs)));
  const rates: Readonly<Record<string, readonly number[]>> = JSON.parse(output);
  for (const [format, ofFormat] of Object.entries(rates)) {
    report.figure(`a whole sign-on by ${format}, both sites`, ofFormat, "per second of CPU");
  }
}
