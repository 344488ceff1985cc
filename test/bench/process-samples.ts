import { readdirSync, readFileSync } from "node:fs";

/** A process at some time. */
export interface Sample {
  /** Seconds since sampling began. */
  readonly at: number;
  /** The name of the program; processes of one name are taken together. */
  readonly name: string;
  /** Memory in MB: what it shares is counted in parts (PSS) where the system says so, else RSS. */
  readonly memory: number;
  /** Seconds of CPU time since the process began. */
  readonly cpu: number;
}

/** What the programs that this process has started take, at regular times. */
export class ProcessSamples implements Disposable {
  readonly samples: Sample[] = [];
  readonly #begun: number = performance.now();
  readonly #timer: NodeJS.Timeout;
  /** The CPU time of each process when it was seen last. */
  readonly #cpu = new Map<number, { readonly name: string; readonly cpu: number; base: number }>();

  constructor(interval: number) {
    this.#timer = setInterval(() => this.take(), interval);
  }

  /** Looks at the processes now. */
  take(): void {
    const at = (performance.now() - this.#begun) / 1_000;
    const memory = new Map<string, number>();
    for (const pid of descendants(process.pid)) {
      const name = nameOf(pid);
      const used = memoryOf(pid);
      const cpu = cpuOf(pid);
      if (name === undefined || used === undefined || cpu === undefined) continue;
      memory.set(name, (memory.get(name) ?? 0) + used);
      // What a server did before is not of this stage.
      const base = this.#cpu.get(pid)?.base ?? (at < 0.5 ? cpu : 0);
      this.#cpu.set(pid, { name, cpu, base });
    }
    for (const [name, used] of memory) {
      this.samples.push({ at, name, memory: used, cpu: this.cpu(name) });
    }
  }

  /** The CPU time of the processes of a name, in seconds, those included that have ended since. */
  cpu(name: string): number {
    let sum = 0;
    for (const one of this.#cpu.values()) if (one.name === name) sum += one.cpu - one.base;
    return sum;
  }

  /** The memory that the processes of a name had last, in MB. */
  memory(name: string): number {
    return this.samples.findLast((one) => one.name === name)?.memory ?? 0;
  }

  /** The most memory that the processes of a name had, in MB. */
  peak(name: string): number {
    return Math.max(0, ...this.samples.filter((one) => one.name === name).map((one) => one.memory));
  }

  get names(): readonly string[] {
    return [...new Set(this.samples.map(({ name }) => name))];
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The processes below one, by asking each for its parent. */
function descendants(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(/\) \S (\d+)/.exec(read(`/proc/${entry}/stat`))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found: number[] = [];
  for (const waiting = [...(children.get(root) ?? [])]; waiting.length > 0; ) {
    const pid = waiting.pop() ?? 0;
    found.push(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return found;
}

function nameOf(pid: number): string | undefined {
  const [command = "", script = ""] = read(`/proc/${pid}/cmdline`).split("\0");
  if (/slapd$/.test(command)) return "slapd";
  if (/nats-server$/.test(command)) return "nats-server";
  if (/^postgres|\/postgres$/.test(command)) return "postgres";
  return /million-(\w+)\.js$/.exec(script)?.[1];
}

function memoryOf(pid: number): number | undefined {
  const kilobytes =
    /^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ??
    /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1_000;
}

/** Ticks of the clock by which Linux counts CPU time, in a second. */
const ticks = 100;

function cpuOf(pid: number): number | undefined {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /, "")
    .split(" ");
  const [user, system] = [fields[11], fields[12]].map(Number);
  return user === undefined || system === undefined ? undefined : (user + system) / ticks;
}

/** Processes end while they are looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
