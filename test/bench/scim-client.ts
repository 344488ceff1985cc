import type { Report } from "./figures.ts";
import { measure, program } from "./measured.ts";

interface Counted {
  readonly requests: number;
  readonly patches: number;
  readonly patchBytes: number;
}

type Figures = Readonly<Record<"first" | "again" | "firstTitle" | "title" | "titles", Counted>>;

/**
 * What a directory asks of a service provider: the requests, and what a changed title takes. Counts are the same each
 * time.
 */
export async function measureScimClient(report: Report, runs: number): Promise<void> {
  for (const way of ["patch", "bulk"]) {
    report.section(
      `1,000 people and 50 groups into the package's own service provider, ` +
        `${way === "bulk" ? "with bulk requests" : "by PATCH"}`,
    );
    const cpu: number[] = [];
    let output = "";
    for (let run = 0; run < runs; run++) {
      const usage = await measure(program("scim-client.js", way));
      cpu.push(usage.cpu);
      output = usage.output;
    }
    const { first, again, firstTitle, title, titles }: Figures = JSON.parse(output);
    report.figure("the first time", [first.requests], "requests");
    report.figure("the same again, nothing changed", [again.requests], "requests");
    report.figure("a title, the first that changes", [firstTitle.requests], "requests");
    report.figure("a title after that", [title.requests], "requests");
    report.figure("  of which by PATCH, bytes", [title.patchBytes], "bytes");
    report.figure("100 titles at once", [titles.requests], "requests");
    report.figure("all of it, client and server in one process", cpu, "s of CPU");
  }
}
