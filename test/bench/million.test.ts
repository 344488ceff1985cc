import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { NatsServers, natsIsInstalled } from "../change-log/nats-server.js";
import { postgresIsInstalled, startPostgres } from "../kysely/servers/postgres.js";
import { drawCurves, type Panel } from "./curves.js";
import { everybody, type MillionDirectory, startMillion } from "./million-directory.js";
import { dnOf } from "./people.js";
import { ProcessSamples } from "./process-samples.js";

// `npm run bench -- million` runs this and prints figures; it is left out otherwise.
const sizes = (process.env["CONCORDAT_BENCH_SIZES"] ?? "").split(",").filter(Boolean).map(Number);
const isWanted = process.env["CONCORDAT_BENCH"] === "1" && sizes.length > 0;
const databases = (process.env["CONCORDAT_BENCH_DATABASES"] ?? "sqlite,postgres").split(",");
const pictures = process.env["CONCORDAT_BENCH_PICTURES"];
const changes = 20;

test.runIf(isWanted && natsIsInstalled).each(isWanted ? sizes : [0])(
  "a directory of %i people, through the log on NATS JetStream into databases",
  async (people) => {
    await measure(people);
  },
  24 * 3_600_000,
);

async function measure(people: number): Promise<void> {
  tell(`\n## ${people.toLocaleString("en")} people, ${new Date().toISOString()}, load ${load()}`);
  tell(`Node ${process.versions.node} on ${cpus()[0]?.model}, ${cpus().length} cores`);
  const folder = await mkdtemp(join(tmpdir(), "concordat-million-"));
  const panels: Panel[] = [];
  try {
    await using directory = await startMillion(people);
    tell(`slapadd: ${directory.loaded.toFixed(1)} s`);
    // slapd is not believed to know what has changed since a state that is older than its start, by whole seconds.
    await sleep(2_000);
    await directory.modify(`dn: ${dnOf(0)}\nchangetype: modify\nreplace: title\ntitle: First\n\n`);
    await using servers = await NatsServers.start(1);
    const connection = await servers.connect();
    const nats = connection.getServer();
    await connection.close();
    const publish = (mode: string) => ["million-publish.js", directory.described, nats, mode];
    panels.push(await stage("publish", publish("resume")));
    await stage("publish anew, nothing changed", publish("anew"));
    await stage("publisher resumes, nothing changed", publish("resume"));
    const postgres =
      databases.includes("postgres") && postgresIsInstalled ? await startPostgres() : undefined;
    await postgres?.create("million");
    const targets = {
      ...(databases.includes("sqlite") && { sqlite: { sqlite: join(folder, "million.sqlite") } }),
      ...(postgres && { postgres: { host: dirname(postgres.socket), schema: "million" } }),
    };
    try {
      for (const [name, target] of Object.entries(targets)) {
        const read = ["million-read.js", nats, JSON.stringify(target), "resume"];
        panels.push(await stage(`read into ${name}`, read));
        await draw(people, panels);
        await stage(`${name} resumes, nothing changed`, read);
        await stage(`list all of ${name} by cursor`, ["million-list.js", JSON.stringify(target)]);
        await membersOfEverybody(
          directory,
          publish("follow"),
          [...read.slice(0, 3), "follow"],
          name,
        );
      }
      await changeSome(directory, people);
      await stage("publisher resumes, 1 % changed", publish("resume"));
      for (const [name, target] of Object.entries(targets)) {
        const read = ["million-read.js", nats, JSON.stringify(target), "resume"];
        await stage(`${name} resumes, 1 % changed`, read);
      }
    } finally {
      await postgres?.[Symbol.asyncDispose]();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end, and tells what it and the servers took. */
async function stage(title: string, args: readonly string[]): Promise<Panel> {
  using samples = new ProcessSamples(
    title.includes("read into") || title === "publish" ? 1_000 : 100,
  );
  samples.take();
  const begun = performance.now();
  // A stage may take hours, and may not come to its end.
  const telling = setInterval(() => {
    const now = samples.names.map((name) => `${name} ${samples.memory(name).toFixed(0)} MB`);
    tell(`  … ${((performance.now() - begun) / 1_000).toFixed(0)} s: ${now.join(", ")}`);
  }, 60_000);
  const program = start(args, "ignore");
  const lines: unknown[] = [];
  program.lines.on("line", (line) => lines.push(JSON.parse(line)));
  await program.ended;
  clearInterval(telling);
  samples.take();
  const seconds = (performance.now() - begun) / 1_000;
  tell(`${title}: ${seconds.toFixed(2)} s, load ${load()}`);
  for (const name of samples.names) {
    const [cpu, peak] = [samples.cpu(name), samples.peak(name)];
    tell(`  ${name.padEnd(12)} CPU ${cpu.toFixed(2)} s, at most ${peak.toFixed(0)} MB`);
  }
  // Besides the sums, it says whether everything had to be read anew, and why.
  for (const line of lines) tell(`  ${JSON.stringify(line)}`);
  return { title: `${title}: memory`, samples: samples.samples };
}

/** Adds members to the group with everybody and removes them, while publisher and application follow. */
async function membersOfEverybody(
  directory: MillionDirectory,
  publish: readonly string[],
  read: readonly string[],
  name: string,
): Promise<void> {
  const publisher = start(publish, "pipe");
  const reader = start(read, "pipe");
  const sequences: number[] = [];
  let waiting: (() => void) | undefined;
  let at = 0;
  publisher.lines.on("line", (line) => {
    const { checkpoint } = JSON.parse(line);
    if (typeof checkpoint === "number") sequences.push(checkpoint);
  });
  reader.lines.on("line", (line) => {
    ({ at } = JSON.parse(line));
    waiting?.();
  });
  const next = () =>
    new Promise<void>((resolve) => {
      waiting = resolve;
    });
  await next();
  const delays: { add: number[]; delete: number[] } = { add: [], delete: [] };
  for (let change = 0; change < changes; change++) {
    const kind = change % 2 === 0 ? "delete" : "add";
    const arrived = next();
    const begun = Date.now();
    await directory.modify(
      `dn: ${everybody}\nchangetype: modify\n${kind}: member\nmember: ${dnOf(change >> 1)}\n\n`,
    );
    await arrived;
    delays[kind].push(at - begun);
  }
  for (const program of [publisher, reader]) program.end();
  await Promise.all([publisher.ended, reader.ended]);
  for (const kind of ["add", "delete"] as const) {
    const sorted = [...delays[kind]].sort((one, other) => one - other);
    const [median, longest] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    tell(
      `${kind} a member of everybody, until ${name} has it: ${median} ms (longest ${longest} ms)`,
    );
  }
  const first = sequences[0] ?? 0;
  const messages = ((sequences.at(-1) ?? 0) - first) / (sequences.length - 1);
  tell(`  messages of the log for each: ${messages.toFixed(1)}, load ${load()}`);
}

/** Gives every hundredth person another title. */
async function changeSome(directory: MillionDirectory, people: number): Promise<void> {
  let ldif = "";
  for (let number = 0; number < people; number += 100) {
    ldif += `dn: ${dnOf(number)}\nchangetype: modify\nreplace: title\ntitle: Changed\n\n`;
  }
  await directory.modify(ldif);
}

interface Program {
  readonly lines: ReturnType<typeof createInterface>;
  readonly ended: Promise<void>;
  end(): void;
}

function start([script = "", ...args]: readonly string[], stdin: "ignore" | "pipe"): Program {
  const path = fileURLToPath(new URL(`programs/${script}`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [path, ...args], {
    stdio: [stdin, "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("There is no output.");
  const ended = once(child, "exit").then(([code]) => expect(code).toBe(0));
  return { lines: createInterface(child.stdout), ended, end: () => child.stdin?.end() };
}

async function draw(people: number, panels: readonly Panel[]): Promise<void> {
  if (pictures === undefined) return;
  await writeFile(join(pictures, `directory-of-${people}.svg`), drawCurves(panels));
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}
