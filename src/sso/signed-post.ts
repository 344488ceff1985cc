import type { CallOptions } from "../repositories/index.js";
import {
  createSigner,
  type HttpSigner,
  type SigningKey,
  type TimeWindow,
} from "../signing/index.js";
import { SignOnError, type SiteResponse } from "./errors.js";
import {
  type ContentLimits,
  type Members,
  readContent,
  readMembers,
  signatureTag,
} from "./message.js";

/** Sends requests: `fetch`, or what stands in for it. */
export type Fetch = (request: Request) => Promise<Response>;

/** How messages are sent to the other site. */
export interface SendOptions extends ContentLimits {
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** How long the other site may take, in milliseconds. Default: 10,000. */
  readonly timeout?: number | undefined;
}

interface TimedSendOptions extends SendOptions {
  readonly now?: () => Date;
}

/**
 * Sends a request to the other site, and gives back the content of its response.
 *
 * @throws {SignOnError} `server_failed`: it did not respond, or sent the request elsewhere; `access_denied` or
 * `server_refused`: it responded with 403, or with any other status but 200.
 */
export async function send(
  request: Request,
  {
    fetch = globalThis.fetch,
    timeout = 10_000,
    now = () => new Date(),
    ...limits
  }: TimedSendOptions,
  options: CallOptions,
): Promise<{ readonly response: Response; readonly content: Uint8Array }> {
  const limit = AbortSignal.timeout(timeout);
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  let refusal: SiteResponse;
  try {
    const response = await fetch(new Request(request, { signal, redirect: "error" }));
    const content = await readContent(response, limits);
    if (response.status === 200) return { response, content };
    refusal = siteResponseOf(response, content, now());
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new SignOnError("server_failed", { cause });
  }
  throw new SignOnError(refusal.status === 403 ? "access_denied" : "server_refused", {
    answered: refusal,
  });
}

/** The response of the other site, for the person who is to find out why. */
function siteResponseOf(
  { status, headers }: Response,
  content: Uint8Array,
  now: Date,
): SiteResponse {
  const text = new TextDecoder().decode(content.subarray(0, 1_024));
  const date = Date.parse(headers.get("date") ?? "");
  return {
    status,
    text: text
      .replace(/[\p{C}\p{Z}]+/gu, " ")
      .trim()
      .slice(0, 200),
    ...(Number.isNaN(date) ? {} : { skew: Math.floor(now.getTime() / 1_000) - date / 1_000 }),
  };
}

/** Posts JSON that is signed by RFC 9421, and requires a response that is. */
export class SignedPost {
  readonly #signer: HttpSigner;
  readonly #options: TimedSendOptions;

  constructor(
    options: SendOptions & { readonly now: () => Date; readonly window?: TimeWindow | undefined },
  ) {
    const { now, window } = options;
    this.#options = options;
    this.#signer = createSigner({
      profile: "http-signature",
      tag: signatureTag,
      now,
      ...(window === undefined ? {} : { window }),
    });
  }

  /** @throws {SignOnError} there was no response, or none of the other site to this request. */
  async send(
    url: string,
    members: Readonly<Record<string, unknown>>,
    key: SigningKey,
    options: CallOptions,
  ): Promise<Members> {
    const body = new TextEncoder().encode(JSON.stringify(members));
    // What is signed is the content as it is sent: a compressed response could not be verified.
    const headers = { "content-type": "application/json", "accept-encoding": "identity" };
    const request = new Request(url, { method: "POST", body, headers });
    const { fields, exchange } = this.#signer.signRequest(request, body, key);
    for (const [name, value] of Object.entries(fields)) request.headers.set(name, value);
    const { response, content } = await send(request, this.#options, options);
    const verification = exchange.verifyResponse(response, content);
    if (!verification.verified) {
      throw new SignOnError("server_not_verified", { refusal: verification.refusal });
    }
    return readMembers(new TextDecoder().decode(content));
  }
}
