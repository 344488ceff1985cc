import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { NatsChangeLog } from "concordat/nats";

/** A log on a server that may have been killed a moment ago. */
export async function openedLog(
  connection: NatsConnection,
  stream: string,
): Promise<NatsChangeLog> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await NatsChangeLog.open(connection, { stream, pollInterval: 50, timeout: 2_000 });
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
}
