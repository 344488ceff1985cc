import type { IncomingMessage } from "node:http";
import { InvalidValueError, TooManyError, UnsupportedError } from "../../core/index.js";
import { type BodyLimits, readBody, readNodeBody } from "../../http/index.js";

const usual = 1_048_576;

/** @throws {InvalidValueError} it is not a whole number from 1. */
export function limitsOf(maxBodyBytes: number = usual): BodyLimits {
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 1) {
    throw new InvalidValueError("maxBodyBytes", "it is a whole number from 1.");
  }
  return {
    maxBodyBytes,
    tooLarge: () =>
      new TooManyError(`The body is longer than ${maxBodyBytes} bytes.`, maxBodyBytes),
  };
}

/** The content of a Web message, `null` where it has none. */
export async function contentOf(
  message: Request | Response,
  limits: BodyLimits,
): Promise<Uint8Array<ArrayBuffer> | null> {
  return message.body === null ? null : new Uint8Array(await readBody(message, limits));
}

/** The same response with its content, which can be read again. */
export function withContent(response: Response, content: Uint8Array<ArrayBuffer> | null): Response {
  const { headers, status, statusText } = response;
  return new Response(content, { headers, status, statusText });
}

/**
 * The content of a message of `node:http`.
 *
 * @throws {UnsupportedError} a framework has read it and left no bytes in `body`.
 */
export async function nodeContentOf(
  message: IncomingMessage & { readonly body?: unknown },
  limits: BodyLimits,
): Promise<Buffer> {
  const { body, headers } = message;
  if (!message.readableDidRead) {
    const length = headers["content-length"];
    return await readNodeBody(message, length === undefined ? undefined : Number(length), limits);
  }
  if (body instanceof Uint8Array || typeof body === "string") {
    const content = Buffer.from(body as Uint8Array);
    if (content.length > limits.maxBodyBytes) throw limits.tooLarge();
    return content;
  }
  throw new UnsupportedError(
    "The body was read before, and its bytes are not in request.body: verify before what parses bodies.",
  );
}

/** The bytes of what is to be sent. */
export function bytesOf(content: string | Uint8Array | null): Uint8Array | null {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
