import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { changeLog, publishChanges } from "concordat/change-log";
import type { ChangeStream, Name, Upsert } from "concordat/changes";
import { NatsChangeLog } from "concordat/nats";
import type { ChangeLog, NewLogRecord } from "concordat/repositories";
import { expect, test } from "vitest";
import { NatsServers, natsIsInstalled } from "../change-log/nats-server.js";
import { figuresOf } from "./figures.js";

// `npm run bench -- change-log` runs this and prints figures; it is left out otherwise.
const isWanted = process.env["CONCORDAT_BENCH"] === "1" && natsIsInstalled;
const memberCount = Number(process.env["CONCORDAT_BENCH_MEMBERS"] ?? 1_000_000);
const entries = 20_000;
const rounds = 5;
const limit = 3_600_000;

/** What something took, in milliseconds. */
interface Took {
  readonly wall: number;
  readonly cpu: number;
}

async function timed(work: () => Promise<unknown>): Promise<Took> {
  const { user, system } = process.cpuUsage();
  const begun = performance.now();
  await work();
  const used = process.cpuUsage({ user, system });
  return { wall: performance.now() - begun, cpu: (used.user + used.system) / 1_000 };
}

function tell(label: string, measured: readonly number[], unit: string): void {
  const { median, min, max } = figuresOf(measured);
  const [middle, least, most] = [median, min, max].map((value) => Number(value.toPrecision(3)));
  process.stdout.write(`  ${label.padEnd(70)} ${middle} ${unit} (${least} to ${most})\n`);
}

/** A stream of which everything is there at once. */
function streamOf(changes: readonly Upsert[], size = 1_000): ChangeStream {
  return {
    source: "bench",
    async *read({ after } = {}) {
      const phase = "snapshot";
      yield { phase, refresh: "begins", changes: [] };
      for (let start = 0; start < changes.length; start += size) {
        yield { phase, refresh: "continues", changes: changes.slice(start, start + size) };
      }
      const checkpoint = String(Number(after ?? 0) + 1);
      yield { phase, refresh: "ends", changes: [{ kind: "sweep" }], checkpoint };
    },
    reread: async (ids) => changes.filter(({ sourceId }) => ids.includes(sourceId)),
  };
}

function dnOf(number: number): Name {
  return {
    kind: "dn",
    key: `uid=user${String(number).padStart(7, "0")},ou=people,dc=example,dc=com`,
  };
}

function person(number: number): Upsert {
  return {
    kind: "upsert",
    type: "User",
    sourceId: `id-${number}`,
    names: [dnOf(number)],
    stamp: String(number).padStart(10, "0"),
    resource: { userName: `user${number}`, displayName: "x".repeat(700) },
    complete: true,
  };
}

function everybody(members: readonly Name[], stamp: string): Upsert {
  return {
    kind: "upsert",
    type: "Group",
    sourceId: "everybody",
    names: [{ kind: "dn", key: "cn=everybody,ou=groups,dc=example,dc=com" }],
    stamp,
    resource: { displayName: "everybody" },
    complete: true,
    members: { kind: "all", members },
  };
}

async function publish(stream: ChangeStream, log: ChangeLog): Promise<number> {
  const before = await log.last();
  for await (const _ of publishChanges(stream, log, { follow: false }));
  return (await log.last()) - before;
}

test.runIf(isWanted)(
  "publishing, beside the bare client with the same messages in batches of 500",
  async () => {
    await using servers = await NatsServers.start(1);
    const connection = await servers.connect();
    const people = Array.from({ length: entries }, (_, number) => person(number));
    const bodies = people.map((change) => JSON.stringify(change));
    const [ours, bare]: [Took[], Took[]] = [[], []];
    const manager = await jetstreamManager(connection);
    for (let round = 0; round < rounds; round++) {
      const log = await NatsChangeLog.open(connection, { stream: `OURS${round}` });
      await NatsChangeLog.open(connection, { stream: `BARE${round}` });
      ours.push(await timed(() => publish(streamOf(people), log)));
      const client = jetstream(connection);
      bare.push(
        await timed(async () => {
          for (let start = 0; start < bodies.length; start += 500) {
            const some = bodies.slice(start, start + 500);
            const subject = (index: number) => `BARE${round}.e.${start + index}`;
            const written = headers();
            written.set("Concordat-Label", "x".repeat(100));
            const batch = await client.startBatch(subject(0), some[0] ?? "", { headers: written });
            for (const [index, body] of some.entries()) {
              if (index === 0 || index === some.length - 1) continue;
              batch.add(subject(index), body, { headers: written });
            }
            await batch.commit(subject(some.length - 1), some.at(-1) ?? "");
          }
        }),
      );
      for (const name of ["OURS", "BARE"]) await manager.streams.delete(`${name}${round}`);
    }
    process.stdout.write(`\nPublishing ${entries} entries of 900 bytes to NATS\n`);
    const walls = (all: readonly Took[]) => all.map(({ wall }) => (entries / wall) * 1_000);
    tell("publishChanges(), per second", walls(ours), "");
    tell("the bare client, per second", walls(bare), "");
    tell(
      "the first to the second, of the same round",
      ours.map(({ wall }, round) => (bare[round]?.wall ?? 0) / wall),
      "",
    );
    tell(
      "CPU of publishChanges()",
      ours.map(({ cpu }) => cpu),
      "ms",
    );
    tell(
      "CPU of the bare client",
      bare.map(({ cpu }) => cpu),
      "ms",
    );
    await connection.close();
  },
  limit,
);

/** Counts the records that are appended, and their bytes. */
function counted(log: ChangeLog): { readonly log: ChangeLog; readonly taken: NewLogRecord[] } {
  const taken: NewLogRecord[] = [];
  const spied = new Proxy(log, {
    get(target, name) {
      if (name === "append") {
        return async (owner: number, records: readonly NewLogRecord[], options?: object) => {
          taken.push(...records);
          return await target.append(owner, records, options);
        };
      }
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { log: spied, taken };
}

test.runIf(isWanted)(
  "a large group: the first time, one member more, and unchanged",
  async () => {
    await using servers = await NatsServers.start(1);
    const connection = await servers.connect();
    const opened = await NatsChangeLog.open(connection, { stream: "LARGE" });
    const { log, taken } = counted(opened);
    const members = Array.from({ length: memberCount }, (_, number) => dnOf(number));
    process.stdout.write(`\nA group of ${memberCount} members\n`);
    const first = await timed(() => publish(streamOf([everybody(members, "1")]), log));
    tell("published first", [first.wall / 1_000], "s");
    tell("  CPU", [first.cpu / 1_000], "s");
    const read = await timed(async () => {
      let found = 0;
      for await (const { changes } of changeLog(opened, { source: "log" }).read({
        follow: false,
      })) {
        for (const change of changes) {
          if (change.kind === "upsert" && change.members?.kind === "all") {
            found = change.members.members.length;
          }
        }
      }
      expect(found).toBe(memberCount);
    });
    tell("read by a new application", [read.wall / 1_000], "s");
    tell("  CPU", [read.cpu / 1_000], "s");
    taken.length = 0;
    const more = [...members, dnOf(memberCount)];
    const another = await timed(() => publish(streamOf([everybody(more, "2")]), log));
    tell("one member more, all stated again", [another.wall / 1_000], "s");
    const of = taken.map(({ key, label = "", body }) => `${key[0]}: ${label.length + body.length}`);
    process.stdout.write(`  its records, in bytes: ${of.join(", ")}\n`);
    taken.length = 0;
    const same = await timed(() => publish(streamOf([everybody(more, "2")]), log));
    tell("a new publisher, and nothing changed", [same.wall / 1_000], "s");
    process.stdout.write(`  its records: ${taken.map(({ key }) => key).join(", ")}\n`);
    await connection.close();
  },
  limit,
);
