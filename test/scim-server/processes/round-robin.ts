import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Hands each connection to the next process, and to the one after it where nobody listens. */
export interface RoundRobin extends AsyncDisposable {
  readonly port: number;
  /** Where connections go from now on. */
  ports: readonly number[];
}

export async function startRoundRobin(): Promise<RoundRobin> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    sockets.add(client);
    client.once("close", () => sockets.delete(client)).on("error", () => undefined);
    hand(client, balancer.ports.length);
  });
  function hand(client: Socket, left: number): void {
    const port = balancer.ports[turn++ % balancer.ports.length];
    if (port === undefined || left === 0) {
      client.destroy();
      return;
    }
    const process = connect(port, "127.0.0.1");
    let isConnected = false;
    process.once("connect", () => {
      isConnected = true;
      client.pipe(process).pipe(client);
    });
    process.on("error", () => {
      // What was begun by one that was killed is not asked of another one: it may be done.
      if (isConnected) client.destroy();
      else hand(client, left - 1);
    });
    process.once("close", () => isConnected && client.destroy());
    client.once("close", () => process.destroy());
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const balancer = {
    port: (server.address() as AddressInfo).port,
    ports: [] as readonly number[],
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return balancer;
}
