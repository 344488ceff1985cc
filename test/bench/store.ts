import { join } from "node:path";
import type { Outcome } from "concordat/sync";
import type { Report } from "./figures.ts";
import { measure, program, type Usage } from "./measured.ts";
import { groupCount, suffix } from "./people.ts";
import type { Server } from "./server.ts";

interface Stored {
  readonly outcomes: { readonly [K in Outcome["kind"]]?: number };
  readonly peak: number;
}

/** A full refresh into SQLite, and the same again with nothing changed. */
export async function measureStore(
  report: Report,
  server: Server,
  people: number,
  runs: number,
): Promise<void> {
  const entries = people + groupCount + 1;
  report.section(
    `Full refresh of ${entries.toLocaleString("en")} entries into SQLite, memberships included`,
  );
  const first: Usage[] = [];
  const again: Usage[] = [];
  for (let run = 0; run < runs; run++) {
    const args = [server.describe(suffix), databaseOf(server, run)];
    first.push(await measure(program("store.js", ...args)));
    again.push(await measure(program("store.js", ...args)));
  }
  for (const usage of first) {
    const { outcomes } = storedOf(usage);
    if (outcomes.created !== entries) throw new Error(`Not all were created: ${usage.output}`);
  }
  for (const usage of again) {
    const { outcomes } = storedOf(usage);
    if (Object.keys(outcomes).sort().join() !== "checkpoint,refreshed") {
      throw new Error(`Something was changed again: ${usage.output}`);
    }
  }
  const memberships = storedOf(first[0]).outcomes.memberAdded ?? 0;
  report.note(
    `${memberships.toLocaleString("en")} memberships, of which the largest group has ` +
      `${(people / 2).toLocaleString("en")}.`,
  );
  const rate = ({ cpu }: Usage): number => entries / cpu;
  const peaks = (usages: readonly Usage[]): number[] => usages.map((usage) => storedOf(usage).peak);
  report.figure(
    "the first: CPU",
    first.map(({ cpu }) => cpu),
    "s",
  );
  report.figure("  entries per second of CPU", first.map(rate), "", "≥ 15,000");
  report.figure(
    "  wall",
    first.map(({ wall }) => wall),
    "s",
  );
  report.figure("  peak of memory", peaks(first), "MB");
  report.figure(
    "again, with nothing changed: CPU",
    again.map(({ cpu }) => cpu),
    "s",
  );
  report.figure("  entries per second of CPU", again.map(rate), "", "≥ 40,000");
  report.figure(
    "  wall",
    again.map(({ wall }) => wall),
    "s",
  );
  report.figure("  peak of memory", peaks(again), "MB");
}

/** The database file of a run. */
export function databaseOf(server: Server, run: number): string {
  return join(server.directory, `application-${run}.sqlite`);
}

function storedOf(usage: Usage | undefined): Stored {
  return JSON.parse(usage?.output ?? "{}");
}
