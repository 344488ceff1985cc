import type { IncomingMessage } from "node:http";
import { BodyBuffer } from "./body-buffer.js";

/** How much of a body is read, and for how long. */
export interface BodyLimits {
  /** The longest body, in bytes. */
  readonly maxBodyBytes: number;
  /** The error of a longer one. */
  readonly tooLarge: () => Error;
  /** Says when it takes too long. Default: it may take any time. */
  readonly deadline?: BodyDeadline;
}

/** Limits the time that a body may take. */
export interface BodyDeadline {
  /** Begins to wait. @param giveUp called once, when it has taken too long. */
  begin(giveUp: (error: Error) => void): BodyProgress;
}

/** A body that is waited for. */
export interface BodyProgress {
  /** A piece of it has come. */
  moved(): void;
  /** It is waited for no longer. */
  end(): void;
}

/**
 * The body of a Web message. Where the length that is stated is too long, nothing of it is read.
 *
 * @throws what `limits` makes of a body that is too long or too late.
 */
export async function readBody(
  { body, headers }: Request | Response,
  { maxBodyBytes, tooLarge, deadline }: BodyLimits,
): Promise<Buffer> {
  const buffer = new BodyBuffer(maxBodyBytes);
  if (body === null) return buffer.bytes();
  const reader = body.getReader();
  // A sender is not kept waiting for what is not wanted; and of a clone, cancelling ends only when its original is
  // cancelled too.
  const cancel = (): void => void reader.cancel().catch(() => {});
  let late: Error | undefined;
  const progress = deadline?.begin((error) => {
    late = error;
    cancel();
  });
  try {
    let isShort = buffer.mayHave(headers.get("content-length"));
    while (isShort) {
      // What is cancelled ends.
      const { done, value } = await reader.read();
      if (late !== undefined) throw late;
      if (done) return buffer.bytes();
      progress?.moved();
      isShort = buffer.add(value);
    }
    cancel();
    throw tooLarge();
  } finally {
    progress?.end();
  }
}

/**
 * The body of a request of `node:http`. What is left of one that is too long or too late is received and thrown away,
 * so that the response arrives.
 *
 * @param length how long it is stated to be, where it is.
 * @param broken the error of a body that ends before its end. Default: that of `node:http`.
 * @throws what `limits` makes of a body that is too long or too late.
 */
export function readNodeBody(
  request: IncomingMessage,
  length: number | undefined,
  { maxBodyBytes, tooLarge, deadline }: BodyLimits,
  broken: (error: Error) => Error = (error) => error,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const buffer = new BodyBuffer(maxBodyBytes);
    const refuse = (error: Error): void => {
      request.removeAllListeners("data").resume();
      reject(error);
    };
    if (!buffer.mayHave(length)) {
      refuse(tooLarge());
      return;
    }
    const progress = deadline?.begin(refuse);
    request.on("data", (chunk: Buffer) => {
      progress?.moved();
      if (buffer.add(chunk)) return;
      progress?.end();
      refuse(tooLarge());
    });
    request.once("end", () => {
      progress?.end();
      resolve(buffer.bytes());
    });
    request.once("error", (error) => {
      progress?.end();
      reject(broken(error));
    });
  });
}
