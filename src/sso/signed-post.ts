import type { CallOptions } from "../repositories/index.js";
import {
  createSigner,
  type HttpSigner,
  type SigningKey,
  type TimeWindow,
} from "../signing/index.js";
import { SignOnError } from "./errors.js";
import { type Members, readContent, readMembers, signatureTag } from "./message.js";

/** Sends requests: `fetch`, or what stands in for it. */
export type Fetch = (request: Request) => Promise<Response>;

/** How messages are sent to the other site. */
export interface SendOptions {
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** How long the other site may take, in milliseconds. Default: 10,000. */
  readonly timeout?: number;
}

/**
 * Sends a request to the other site, and gives back the content of its answer.
 *
 * @throws {SignOnError} it did not answer, or refused, or sent the request elsewhere.
 */
export async function send(
  request: Request,
  { fetch = globalThis.fetch, timeout = 10_000 }: SendOptions,
  options: CallOptions,
): Promise<{ readonly response: Response; readonly content: Uint8Array }> {
  const limit = AbortSignal.timeout(timeout);
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  try {
    const response = await fetch(new Request(request, { signal, redirect: "error" }));
    const content = await readContent(response);
    if (response.status === 200) return { response, content };
    if (response.status === 403) throw new SignOnError("access_denied");
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (cause instanceof SignOnError && cause.reason === "access_denied") throw cause;
    throw new SignOnError("server_failed", { cause });
  }
  throw new SignOnError("server_failed");
}

/** Posts JSON that is signed by RFC 9421, and demands an answer that is. */
export class SignedPost {
  readonly #signer: HttpSigner;
  readonly #options: SendOptions;

  constructor(options: SendOptions & { readonly now: () => Date; readonly window?: TimeWindow }) {
    const { now, window } = options;
    this.#options = options;
    this.#signer = createSigner({
      profile: "http-signature",
      tag: signatureTag,
      now,
      ...(window === undefined ? {} : { window }),
    });
  }

  /** @throws {SignOnError} there was no answer, or none of the other site to this request. */
  async send(
    url: string,
    members: Readonly<Record<string, unknown>>,
    key: SigningKey,
    options: CallOptions,
  ): Promise<Members> {
    const body = new TextEncoder().encode(JSON.stringify(members));
    // What is signed is the content as it is sent: a compressed answer could not be verified.
    const headers = { "content-type": "application/json", "accept-encoding": "identity" };
    const request = new Request(url, { method: "POST", body, headers });
    const { fields, exchange } = this.#signer.signRequest(request, body, key);
    for (const [name, value] of Object.entries(fields)) request.headers.set(name, value);
    const { response, content } = await send(request, this.#options, options);
    if (!exchange.verifyResponse(response, content).verified)
      throw new SignOnError("server_failed");
    return readMembers(new TextDecoder().decode(content));
  }
}
