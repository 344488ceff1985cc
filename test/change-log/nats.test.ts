import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { UnavailableError, UnsupportedError } from "concordat";
import { changeLog, publishChanges } from "concordat/change-log";
import type { Change, ChangeStream, Upsert } from "concordat/changes";
import { NatsChangeLog } from "concordat/nats";
import { changeLogContract } from "concordat/testing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../integration/certificates.js";
import { NatsServers, natsIsInstalled } from "./nats-server.js";

test.each(["2.9.10", "2.11.9", "1.4.0", ""])(
  "a server of version %j is refused in words",
  async (version) => {
    const connection = { info: { version } } as unknown as NatsConnection;
    const opened = NatsChangeLog.open(connection, { stream: "S" });
    await expect(opened).rejects.toThrow(UnsupportedError);
    await expect(opened).rejects.toThrow("2.12 or later");
  },
);

const missing = natsIsInstalled ? "" : " (install the peer nats: bash .ci/peers/install nats)";

describe.skipIf(!natsIsInstalled)(`a log on NATS JetStream${missing}`, async () => {
  let servers: NatsServers;
  let connection: NatsConnection;
  let streams = 0;

  beforeAll(async () => {
    servers = await NatsServers.start(1);
    connection = await servers.connect();
  }, 60_000);

  afterAll(async () => {
    await connection.close();
    await servers[Symbol.asyncDispose]();
  });

  const cases = await changeLogContract(() =>
    NatsChangeLog.open(connection, { stream: `S${streams++}`, pollInterval: 20 }),
  );
  for (const { name, run } of cases) test(name, run);

  test("finds all below a prefix, whether that is most of a stretch of the log or little of it", async () => {
    const log = await NatsChangeLog.open(connection, { stream: `S${streams++}` });
    const owner = await log.claim("owner", 0);
    // More than a page: of one prefix alone, of another alone, and of both in turns.
    const parts = ["a", "b", "a", "ab", "a"].flatMap((prefix, part) =>
      Array.from({ length: 3_600 }, (_, number) => {
        const own = part === 3 && number % 4 === 0 ? "a" : prefix;
        return `${own}.${part}-${number}`;
      }),
    );
    for (let start = 0; start < parts.length; start += 400) {
      const records = parts.slice(start, start + 400).map((key) => ({ key, body: key }));
      await log.append(owner, records);
    }
    for (const prefix of ["a", "b", "ab", "none"]) {
      const expected = parts.filter((key) => key.startsWith(`${prefix}.`));
      const bodies: string[] = [];
      for await (const { body } of log.under(prefix)) bodies.push(body);
      expect(bodies).toEqual(expected);
      const listed: string[] = [];
      for await (const { key } of log.list(prefix)) listed.push(key);
      expect(listed).toEqual(expected);
    }
  });
});

describe.skipIf(!natsIsInstalled)(`an application that may only read${missing}`, () => {
  test("reads the log over TLS with the rights that the guide names, and writes nothing", async () => {
    const guide = readFileSync(new URL("../../docs/running-at-scale.md", import.meta.url), "utf8");
    const block = /^```\njetstream .*?\n(.*?)^```$/ms.exec(guide)?.[1] ?? "";
    const folder = await mkdtemp(join(tmpdir(), "concordat-nats-tls-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { caFile, certFile, keyFile } = await makeCertificates(folder);
    const configuration = block
      .replace("/etc/nats/server.pem", certFile)
      .replace("/etc/nats/server.key", keyFile)
      .replace("$PUBLISHER_PASSWORD", "p1")
      .replace("$APP1_PASSWORD", "p2");
    await using servers = await NatsServers.start(1, configuration);
    const tls = { caFile };
    const publisher = await servers.connect({
      ...{ tls, user: "publisher", pass: "p1", inboxPrefix: "_INBOX_publisher" },
    });
    await expect(
      servers.connect({ tls, user: "app1", pass: "p1", maxReconnectAttempts: 0 }, 1),
    ).rejects.toThrow(/authorization/i);
    const reader = await servers.connect({
      ...{ tls, user: "app1", pass: "p2", inboxPrefix: "_INBOX_app1" },
    });
    try {
      const log = await NatsChangeLog.open(publisher, { stream: "DIRECTORY" });
      const members = Array.from({ length: 30 }, (_, number) => ({
        kind: "uid",
        key: `u${number}`,
      }));
      const large = { ...group, members: { kind: "all", members } } as Upsert;
      // A group that is large and then is not: its blocks are purged.
      for (const change of [large, { ...group, members: { kind: "all", members: [] } } as Upsert]) {
        const options = { follow: false, largeGroup: 10, maxDeletes: Infinity };
        for await (const _ of publishChanges(streamOf(change), log, options));
      }
      const options = { stream: "DIRECTORY", create: false, timeout: 500, patience: 0 };
      const read = await NatsChangeLog.open(reader, options);
      const found: Change[] = [];
      const changes = changeLog(read, { source: "log" });
      for await (const batch of changes.read({ follow: false })) found.push(...batch.changes);
      expect(found).toMatchObject([
        { kind: "upsert", sourceId: "g", members: { kind: "all", members: [] } },
        { kind: "sweep" },
      ]);
      const [owner] = await log.get(["owner"]);
      await expect(read.append(owner?.sequence ?? 0, [{ key: "e.a", body: "2" }])).rejects.toThrow(
        UnavailableError,
      );
      await expect(read.remove("e")).rejects.toThrow(UnavailableError);
      expect(await log.get(["e.a"])).toEqual([]);
      expect((await log.read(0)).map(({ key }) => key)).toContain("e._Zw");
    } finally {
      await publisher.close();
      await reader.close();
    }
  }, 60_000);
});

const group = {
  kind: "upsert",
  type: "Group",
  sourceId: "g",
  names: [],
  resource: { displayName: "g" },
  complete: true,
} as const;

/** A source with one entry. */
function streamOf(change: Upsert): ChangeStream {
  return {
    source: "one",
    async *read() {
      const phase = "snapshot";
      yield { phase, refresh: "begins", changes: [] };
      yield { phase, refresh: "ends", changes: [change, { kind: "sweep" }], checkpoint: "1" };
    },
  };
}
