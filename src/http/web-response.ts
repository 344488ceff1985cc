import type { ServerResponse } from "node:http";

/** Sends a Web `Response`, no faster than the client takes it. */
export async function sendWebResponse(response: ServerResponse, answer: Response): Promise<void> {
  const fields = [...answer.headers].flat();
  if (answer.body === null) {
    response.writeHead(answer.status, fields).end();
    return;
  }
  const reader = answer.body.getReader();
  let [chunk, next] = [await reader.read(), await reader.read()];
  if (next.done && !answer.headers.has("content-length")) {
    // What comes in one piece has a length that is known.
    fields.push("content-length", String(chunk.value?.length ?? 0));
  }
  response.writeHead(answer.status, fields);
  while (!next.done) {
    if (response.destroyed) {
      await reader.cancel();
      return;
    }
    if (!response.write(chunk.value)) await drained(response);
    [chunk, next] = [next, await reader.read()];
  }
  response.end(chunk.value);
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
