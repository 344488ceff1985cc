import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "./figures.ts";
import { measure, program, type Usage } from "./measured.ts";
import { adminDn, allAttributes, password, people } from "./people.ts";
import type { Server } from "./server.ts";

interface Read {
  readonly entries: number;
  readonly peak: number;
}

/** A full refresh of all people into changes, beside the directory's own client and python-ldap's. */
export async function measureRefresh(
  report: Report,
  server: Server,
  entries: number,
  runs: number,
): Promise<void> {
  report.section(`Full refresh of ${entries.toLocaleString("en")} entries, decoded into changes`);
  const file = join(server.directory, "entries.ldif");
  const ldapsearch = [
    ...["ldapsearch", "-x", "-H", server.url, "-D", adminDn, "-w", password, "-b", people],
    ...["-E", "sync=ro", "-LLL", "*", "+"],
  ];
  const withPython = hasPythonLdap();
  const peer: Usage[] = [];
  const some: Usage[] = [];
  const all: Usage[] = [];
  const python: Usage[] = [];
  for (let run = 0; run < runs; run++) {
    peer.push(await measure(["sh", "-c", `exec "$@" > ${file}`, "sh", ...ldapsearch]));
    some.push(await measure(program("read.js", server.describe(people))));
    all.push(await measure(program("read.js", server.describe(people, allAttributes))));
    if (withPython) {
      const args = [server.url, people, adminDn, password];
      python.push(await measure(program("syncrepl-consumer.py", ...args)));
    }
  }
  report.note(`ldapsearch wrote ${Math.round(statSync(file).size / entries)} bytes per entry.`);
  const walls = (usages: readonly Usage[]): number[] => usages.map(({ wall }) => wall);
  const cpus = (usages: readonly Usage[]): number[] => usages.map(({ cpu }) => cpu);
  const peaks = (usages: readonly Usage[]): number[] =>
    usages.map((usage) => readOf(usage, entries).peak);
  const over = (mine: readonly Usage[], theirs: readonly Usage[]): number[] =>
    mine.map(({ wall }, run) => wall / (theirs[run]?.wall ?? Number.NaN));
  report.figure("ldapsearch -E sync=ro '*' '+', to a file: wall", walls(peer), "s");
  report.figure("  its CPU", cpus(peer), "s");
  report.figure("watchDirectory, the attributes of the profile: wall", walls(some), "s");
  report.figure("  its CPU", cpus(some), "s");
  report.figure("  its peak of memory", peaks(some), "MB", "< 160");
  report.figure("  its wall to ldapsearch's", over(some, peer), "times");
  report.figure("watchDirectory, all attributes: wall", walls(all), "s");
  report.figure("  its CPU", cpus(all), "s");
  report.figure("  its peak of memory", peaks(all), "MB", "< 160");
  report.figure("  its wall to ldapsearch's", over(all, peer), "times", "≤ 1.3");
  if (!withPython) {
    report.note("Left out: python-ldap's consumer. Install the Debian package python3-ldap.");
    return;
  }
  report.figure("python-ldap SyncreplConsumer, '*' '+': wall", walls(python), "s");
  report.figure("  its CPU", cpus(python), "s");
  report.figure(
    "  its wall to watchDirectory's, all attributes",
    over(python, all),
    "times",
    "≥ 4",
  );
}

/** The peak of memory while another, larger directory is read. */
export async function measureLargeRefresh(
  report: Report,
  server: Server,
  entries: number,
  runs: number,
): Promise<void> {
  report.section(`Full refresh of ${entries.toLocaleString("en")} entries`);
  const usages: Usage[] = [];
  for (let run = 0; run < runs; run++) {
    usages.push(await measure(program("read.js", server.describe(people, allAttributes))));
  }
  report.figure(
    "watchDirectory, all attributes: wall",
    usages.map(({ wall }) => wall),
    "s",
  );
  const peaks = usages.map((usage) => readOf(usage, entries).peak);
  report.figure("  its peak of memory", peaks, "MB", "< 160");
}

function readOf({ output }: Usage, expected: number): Read {
  const read: Read = JSON.parse(output);
  if (read.entries !== expected) throw new Error(`${read.entries} entries came, not ${expected}.`);
  return read;
}

function hasPythonLdap(): boolean {
  return ["syncrepl.py"].some((file) => existsSync(`/usr/lib/python3/dist-packages/ldap/${file}`));
}
