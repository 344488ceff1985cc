import type { IncomingMessage, ServerResponse } from "node:http";
import { ReadableStream } from "node:stream/web";
import { UnsupportedError } from "../core/index.js";
import { type BodyLimits, readNodeBody } from "./read-body.js";

/** What frameworks add to a request. */
export interface FrameworkRequest extends IncomingMessage {
  /** The target as it came, where the framework takes the path of the mount away from `url`. */
  readonly originalUrl?: unknown;
  /** The body, where the framework has read it. */
  readonly body?: unknown;
}

/**
 * Up to which stated length a body is read before the handler is asked, in bytes: it costs less than a stream. Longer
 * ones are streamed.
 */
const smallBody = 65_536;

/** `node:http` holds the client to the length that it states. */
const wholeBody: BodyLimits = {
  maxBodyBytes: smallBody,
  tooLarge: () => new RangeError("The body is longer than its stated length."),
};

/** The body; or, where a framework has read it before, what the framework made of it. */
export async function bodyOf(
  request: FrameworkRequest,
  response: ServerResponse,
): Promise<string | Uint8Array<ArrayBuffer> | ReadableStream | null> {
  const { headers, body } = request;
  const length = Number(headers["content-length"] ?? 0);
  if (headers["transfer-encoding"] === undefined && length === 0) return null;
  if (!request.readableDidRead) {
    // The client may have gone while what stands before this was at work: then nothing more comes.
    if (request.destroyed) throw new DOMException("The client has gone.", "AbortError");
    return length > 0 && length <= smallBody
      ? new Uint8Array(await readNodeBody(request, length, wholeBody))
      : streamOf(request, response);
  }
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  if (body !== undefined) return JSON.stringify(body);
  throw new UnsupportedError(
    "The body of the request was read before it came here, and is not in request.body: " +
      "mount the handler before what reads bodies.",
  );
}

/**
 * A body as it comes, no faster than it is read. What is not read by the time of the response is received and thrown
 * away: a client that still sends would else see its connection reset, and not the response. How long that may take is
 * `requestTimeout` of `node:http`.
 */
function streamOf(request: IncomingMessage, response: ServerResponse): ReadableStream {
  let discard = (): void => {};
  return new ReadableStream(
    {
      start(controller) {
        const take = (chunk: Buffer): void => {
          controller.enqueue(new Uint8Array(chunk));
          if ((controller.desiredSize ?? 0) <= 0) request.pause();
        };
        const end = (): void => controller.close();
        const fail = (error: unknown): void => controller.error(error);
        discard = () => {
          request.off("data", take).off("end", end).resume();
        };
        request.on("data", take).once("end", end).once("error", fail).pause();
        response.once("finish", discard);
      },
      pull() {
        request.resume();
      },
      cancel: () => discard(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: smallBody }),
  );
}
