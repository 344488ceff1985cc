import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, Change, Client } from "ldapts";
import { percentile, type Report } from "./figures.ts";
import { measuredCore, pinned, program } from "./measured.ts";
import { adminDn, dnOf, largeGroup, outsiders, password, suffix } from "./people.ts";
import type { Server } from "./server.ts";

/** How often the large group gets a member. */
const additions = 100;

/** From the directory's answer to a modification to the change in the consumer, and to the committed row. */
export async function measureLatency(
  report: Report,
  server: Server,
  people: number,
  modifications: number,
): Promise<void> {
  report.section(
    `From the directory's answer to the change, on ${people.toLocaleString("en")} people, in milliseconds`,
  );
  report.note(
    "Below zero: it was there before the answer. Each modification waits for the one before it to arrive.",
  );
  const client = new Client({ url: server.url });
  await client.bind(adminDn, password);
  let next = outsiders(people);
  const retitle = async (i: number): Promise<void> => {
    const title = new Attribute({ type: "title", values: [`Title ${next} of ${i}`] });
    await client.modify(dnOf(i), new Change({ operation: "replace", modification: title }));
  };
  const join_ = async (): Promise<void> => {
    const member = new Attribute({ type: "member", values: [dnOf(next++)] });
    await client.modify(largeGroup, new Change({ operation: "add", modification: member }));
  };
  try {
    const file = join(server.directory, "latency.sqlite");
    const followers = [
      {
        name: "the change in the consumer",
        command: program("follow.js", server.describe(suffix)),
        aims: ["< 1", "< 5"],
      },
      {
        name: "the row committed in SQLite",
        command: program("follow-store.js", server.describe(suffix), file),
        aims: ["", "< 15"],
      },
    ] as const;
    for (const { name, command, aims } of followers) {
      await using follower = await startFollower(command);
      const titles: number[] = [];
      for (let i = 0; i < modifications; i++) titles.push(await follower.delayOf(() => retitle(i)));
      tell(report, `${modifications} people: ${name}`, titles, aims);
      const members: number[] = [];
      for (let i = 0; i < additions; i++) members.push(await follower.delayOf(join_));
      tell(report, `${additions} members of a large group: ${name}`, members, aims);
    }
  } finally {
    await client.unbind();
  }
}

function tell(
  report: Report,
  label: string,
  delays: readonly number[],
  [median, most]: readonly [string, string],
): void {
  report.figure(`${label}: p50`, [percentile(delays, 50)], "ms", median);
  report.figure("  p99", [percentile(delays, 99)], "ms", most);
  report.figure("  longest", [percentile(delays, 100)], "ms");
}

/** A program that follows the directory in a process of its own. */
interface Follower extends AsyncDisposable {
  /** The milliseconds from the end of the work to the arrival of what it changed. */
  delayOf(work: () => Promise<void>): Promise<number>;
}

async function startFollower(command: readonly [string, ...string[]]): Promise<Follower> {
  const [name, ...args] = pinned(measuredCore, command);
  const child = spawn(name, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${command.join(" ")} ended.`);
    return line.value;
  };
  await nextLine();
  return {
    async delayOf(work) {
      await work();
      const answered = process.hrtime.bigint();
      const arrived = BigInt(await nextLine());
      // Both sides get to rest, as they do when changes come one by one.
      await sleep(2);
      return Number(arrived - answered) / 1e6;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}
