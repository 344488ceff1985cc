import { connect, type Socket } from "node:net";

/**
 * Sends a request, or several in turn, again and again over some connections, on each the next when the answer to the
 * last is there.
 *
 * @returns when as many answers have come.
 */
export async function sendLoad(
  port: number,
  request: string | readonly string[],
  connections: number,
  requests: number,
): Promise<void> {
  const all = [request].flat().map((text) => Buffer.from(text, "latin1"));
  let toSend = requests;
  let toCome = requests;
  await new Promise<void>((resolve, reject) => {
    const sockets: Socket[] = [];
    const finish = (error?: Error): void => {
      for (const socket of sockets) socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    for (let at = 0; at < connections; at += 1) {
      const socket = connect(port, "127.0.0.1");
      socket.setNoDelay(true);
      sockets.push(socket);
      let received = "";
      const send = (): void => {
        if (toSend === 0) return;
        toSend -= 1;
        socket.write(all[toSend % all.length] ?? "");
      };
      socket.on("connect", send);
      socket.on("error", finish);
      socket.on("close", () => {
        if (toCome > 0) finish(new Error("The connection was closed."));
      });
      socket.on("data", (chunk: Buffer) => {
        received += chunk.toString("latin1");
        const end = endOfAnswer(received);
        if (end < 0) return;
        if (!received.startsWith("HTTP/1.1 200")) {
          finish(new Error(received.slice(0, 300)));
          return;
        }
        received = received.slice(end);
        toCome -= 1;
        if (toCome === 0) finish();
        else send();
      });
    }
  });
}

/** Where an answer ends; -1 if it has not ended yet. */
function endOfAnswer(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return -1;
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head)) ?? [];
  if (length !== undefined) {
    const end = head + 4 + Number(length);
    return text.length < end ? -1 : end;
  }
  const last = text.indexOf("\r\n0\r\n\r\n", head + 2);
  return last < 0 ? -1 : last + 7;
}
