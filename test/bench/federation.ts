import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Report } from "./figures.ts";
import { sendLoad } from "./load.ts";
import { measuredCore, pinned, program, serverCore } from "./measured.ts";

/** How many connections the clients have. */
const connections = 64;

const form = "user=cornelius&realm=realm1&pass=childpin755224&nonce=12345678&note=".padEnd(
  200,
  "x",
);
const fields = [
  "host: pi.example.com",
  "user-agent: bench/1.0",
  "accept: */*",
  "accept-language: en",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
];

/** The requests: a check by GET and by POST, with a form of 200 bytes. */
const requests = {
  GET: lines(
    "GET /validate/check?user=cornelius&realm=realm1&pass=childpin755224 HTTP/1.1",
    fields,
  ),
  POST:
    lines("POST /validate/check HTTP/1.1", [
      ...fields,
      "content-type: application/x-www-form-urlencoded",
      `content-length: ${form.length}`,
    ]) + form,
} as const;

/** What is measured: the package's two ways, those that others use, and what a server costs that forwards nothing. */
const variants = ["pass-through", "rules", "reply-from", "http-proxy", "none"] as const;

/** How many requests are measured in a round. */
const measured = 6_000;

/** How many requests each variant gets before it is measured: a server runs for long. */
const warmUp = 40_000;

/**
 * Measures the CPU time that the forwarding process spends on a request, in rounds that take every variant in turn, and
 * takes the lowest of each: whatever else the machine does only adds to it.
 */
export async function measureFederation(report: Report, rounds: number): Promise<void> {
  report.section(
    `Forwarding: CPU time of the forwarding process, ${connections} connections, lowest of ${rounds} rounds`,
  );
  await using running = new AsyncDisposableStack();
  const upstream = running.use(await startProgram("federation-server.js", serverCore));
  const url = `http://127.0.0.1:${upstream.port}`;
  for (const method of ["GET", "POST"] as const) {
    const forwarders = new Map<string, RunningProgram>();
    for (const variant of variants) {
      const forwarder = running.use(
        await startProgram("federation-forwarder.js", measuredCore, variant, url),
      );
      await sendLoad(forwarder.port, requests[method], connections, warmUp);
      forwarders.set(variant, forwarder);
    }
    const lowest = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      for (const [variant, forwarder] of forwarders) {
        const before = await forwarder.usage();
        await sendLoad(forwarder.port, requests[method], connections, measured);
        const after = await forwarder.usage();
        const cost = (after.cpu - before.cpu) / measured;
        lowest.set(variant, Math.min(lowest.get(variant) ?? cost, cost));
      }
    }
    const peer = lowest.get("reply-from") ?? Number.NaN;
    const aims: Readonly<Record<string, string>> =
      method === "GET"
        ? { "pass-through": "80 µs, 0.75 of reply-from", rules: "115 µs, 1 of reply-from" }
        : { "pass-through": "100 µs, 0.75 of reply-from", rules: "145 µs, 1 of reply-from" };
    for (const [variant, cost] of lowest) {
      const ratio = (cost / peer).toFixed(2);
      report.figure(`${method}, ${variant} (${ratio} of reply-from)`, [cost], "µs", aims[variant]);
    }
  }
}

/**
 * Measures whether the memory of the forwarding process stays flat: what is left of the heap after every tenth of the
 * requests.
 */
export async function measureFederationMemory(report: Report, count: number): Promise<void> {
  report.section(`Forwarding: the heap after each tenth of ${count.toLocaleString("en")} requests`);
  await using upstream = await startProgram("federation-server.js", serverCore);
  for (const variant of ["pass-through", "rules"]) {
    const url = `http://127.0.0.1:${upstream.port}`;
    await using forwarder = await startProgram(
      "federation-forwarder.js",
      measuredCore,
      variant,
      url,
    );
    const heaps: number[] = [];
    for (let tenth = 0; tenth < 10; tenth += 1) {
      await sendLoad(forwarder.port, requests.POST, connections, count / 10);
      const { memory } = await forwarder.usage("collect");
      heaps.push(memory.heapUsed / 1_048_576);
    }
    report.note(`${variant}: ${heaps.map((heap) => heap.toFixed(1)).join(", ")} MiB`);
  }
}

export interface Usage {
  /** CPU time in microseconds. */
  readonly cpu: number;
  readonly memory: NodeJS.MemoryUsage;
  /** The most memory that the process had so far, in megabytes, where it tells. */
  readonly peak?: number;
}

/** A program that listens, and tells what it has used. */
export interface RunningProgram extends AsyncDisposable {
  readonly port: number;
  /** What the process has used, after it has collected its garbage if that is asked for. */
  usage(wish?: "collect"): Promise<Usage>;
}

/** Starts a program that says its port, on a core of its own where that can be. */
export async function startProgram(
  name: string,
  core: number,
  ...args: readonly string[]
): Promise<RunningProgram> {
  const [node, path, ...rest] = program(name, ...args);
  const [command, ...all] = pinned(core, [node, "--expose-gc", path ?? "", ...rest]);
  const child: ChildProcess = spawn(command, all, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port] = (await once(child, "message")) as [number];
  return {
    port,
    usage: async (wish) => {
      child.send(wish ?? "usage");
      const [usage] = (await once(child, "message")) as [Usage];
      return usage;
    },
    [Symbol.asyncDispose]: async () => {
      const exit = once(child, "exit");
      child.disconnect();
      await exit;
    },
  };
}

function lines(start: string, fieldLines: readonly string[]): string {
  return `${[start, ...fieldLines].join("\r\n")}\r\n\r\n`;
}
