import { setTimeout as sleep } from "node:timers/promises";
import { NatsChangeLog } from "concordat/nats";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LogRun, liveThrough, logRun } from "./log-model.js";
import { NatsServers, natsIsInstalled } from "./nats-server.js";

// As for the model of synchronisation; a run takes a second or more.
const { CONCORDAT_RUNS: asked, CONCORDAT_PATH: path } = process.env;
const { CONCORDAT_SEED: seed = asked === undefined ? "1" : String(Date.now() % 2 ** 31) } =
  process.env;

const missing = natsIsInstalled ? "" : " (install the peer nats: bash .ci/peers/install nats)";

describe.skipIf(!natsIsInstalled)(`a log on NATS JetStream${missing}`, () => {
  const killedRun = fc.record({
    run: logRun,
    kills: fc.array(fc.nat({ max: 600 }), { minLength: 1, maxLength: 2 }),
  });

  test.each([
    { count: 1 as const, usual: 4 },
    { count: 3 as const, usual: 2 },
  ])(
    "whatever is cut and killed, with $count servers, every application ends as the directory is",
    async ({ count, usual }) => {
      await using servers = await NatsServers.start(count);
      const totals = { runs: 0, publisherCuts: 0, consumerCuts: 0, kills: 0 };
      let streams = 0;
      const property = fc.asyncProperty(killedRun, async ({ run, kills }) => {
        const index = streams++;
        const result = await runOn(servers, `S${index}`, run, kills);
        totals.runs++;
        totals.publisherCuts += result.publisherCuts;
        totals.consumerCuts += result.consumerCuts;
        totals.kills += result.kills;
        if (result.differences.length > 0) {
          console.error(
            `CONCORDAT_SEED=${seed} CONCORDAT_PATH=${index} is bad:`,
            result.differences,
          );
        }
        expect(result.differences).toEqual([]);
      });
      await fc.assert(property, {
        numRuns:
          path !== undefined ? 1 : asked === undefined ? usual : Math.ceil(Number(asked) / 100),
        seed: Number(seed),
        endOnFailure: true,
        ...(path === undefined ? {} : { path }),
      });
      if (asked !== undefined) console.info({ servers: count, seed, ...totals });
    },
    3_600_000,
  );
});

async function runOn(servers: NatsServers, stream: string, run: LogRun, kills: readonly number[]) {
  const connection = await servers.connect();
  try {
    const log = await opened(connection, stream, servers.size);
    let killed = 0;
    let isOver = false;
    const killing = (async () => {
      for (const [index, after] of kills.entries()) {
        for (let waited = 0; waited < after && !isOver; waited += 20) await sleep(20);
        if (isOver) return;
        const victim = index % servers.size;
        await servers.kill(victim);
        await sleep(100);
        servers.begin(victim);
        killed++;
      }
    })();
    const living = liveThrough(run, log, () => sleep(2));
    const result = await living.finally(() => {
      isOver = true;
    });
    await killing;
    return { ...result, kills: killed };
  } finally {
    await connection.close();
  }
}

/** The log, once the servers have found each other. */
async function opened(
  connection: Awaited<ReturnType<NatsServers["connect"]>>,
  stream: string,
  replicas: number,
): Promise<NatsChangeLog> {
  for (let attempt = 1; ; attempt++) {
    try {
      const options = { stream, replicas, pollInterval: 10, timeout: 1_000, patience: 60_000 };
      return await NatsChangeLog.open(connection, options);
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
}
