import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";

/** Sends a Web `Response` as it comes, and no faster than the client takes it. */
export async function sendWebResponse(
  response: ServerResponse,
  { status, headers, body }: Response,
): Promise<void> {
  const fields = [...headers].flat();
  if (body === null) {
    response.writeHead(status, fields).end();
    return;
  }
  const reader = body.getReader();
  // Its source is cancelled at once when the client disconnects.
  response.once("close", () => void reader.cancel().catch(() => {}));
  const first = await reader.read();
  const second = reader.read();
  const isEnd = second.then(({ done }) => done);
  if (first.done || (await Promise.race([isEnd, setImmediate(false)]))) {
    // What comes in one piece has a length that is known.
    if (!headers.has("content-length")) {
      fields.push("content-length", String(first.value?.length ?? 0));
    }
    response.writeHead(status, fields).end(first.value);
    return;
  }
  response.writeHead(status, fields);
  response.write(first.value);
  for (let chunk = await second; !chunk.done; chunk = await reader.read()) {
    if (!response.write(chunk.value)) await drained(response);
  }
  response.end();
}

/** Until the client has taken what was written, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.once("drain", done).once("close", done);
  });
}
