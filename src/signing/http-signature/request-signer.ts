import type { ClientRequest, IncomingMessage } from "node:http";
import { InvalidValueError } from "../../core/index.js";
import { headersOf } from "../../http/index.js";
import type { SigningKey } from "../key.js";
import type { KeyRing } from "../key-ring.js";
import { SignatureError } from "../signature-error.js";
import type { Refused, Verified } from "../verification.js";
import { bytesOf, contentOf, limitsOf, nodeContentOf, withContent } from "./content.js";
import { type ClientExchange, HttpSigner, type HttpSignerOptions } from "./http-signer.js";
import type { FieldSource } from "./message.js";

/** Options of {@link requestSigner}. */
export interface RequestSignerOptions extends Omit<HttpSignerOptions, "profile" | "keys"> {
  /** The keys, of which the current one signs. */
  readonly keys: KeyRing;
  /** The longest body that is signed or verified, in bytes. Default: 1,048,576. */
  readonly maxBodyBytes?: number | undefined;
}

/** Signs requests and verifies their responses. Its functions need no `this`. */
export interface RequestSigner {
  /**
   * Signs a request for `fetch`, whose body is read for it. It asks for a response that is not compressed, since
   * `fetch` does not give the bytes of which the digest is.
   *
   * @throws {InvalidValueError} there is no key, or the request lacks a field that is to be covered.
   * @throws {TooManyError} the body is longer than `maxBodyBytes`.
   */
  signRequest(request: Request, key?: SigningKey): Promise<Request>;
  /**
   * Verifies that a response is the server's, to this request, and gives it with its body, which was read for it.
   *
   * @param request what `signRequest` gave.
   * @throws {SignatureError} it is not.
   * @throws {TooManyError} the body is longer than `maxBodyBytes`.
   * @throws {InvalidValueError} the request was not signed here.
   */
  verifyResponse(response: Response, request: Request): Promise<Response>;
  /**
   * Sets the fields of the signature on a request of `node:http`, before it is sent with this content.
   *
   * @param content what will be given to `request.end`.
   */
  signNodeRequest(
    request: ClientRequest,
    content?: string | Uint8Array | null,
    key?: SigningKey,
  ): void;
  /**
   * Verifies a response of `node:http`, and gives its content.
   *
   * @throws as `verifyResponse` does.
   */
  verifyNodeResponse(response: IncomingMessage, request: ClientRequest): Promise<Buffer>;
}

/**
 * Signs requests by RFC 9421 and verifies their responses, message by message: the short form of `createSigner` with
 * the profile `http-signature`, for those who have a `Request` or a request of `node:http` and want an error for a
 * response that is not the server's.
 *
 * ```ts
 * const { signRequest, verifyResponse } = requestSigner({ keys });
 * const request = await signRequest(new Request("https://sso.example.com/report", { method: "POST", body }));
 * const response = await verifyResponse(await fetch(request), request);
 * ```
 *
 * @throws {InvalidValueError} as `createSigner` does; or `maxBodyBytes` is not a whole number from 1.
 */
export function requestSigner(options: RequestSignerOptions): RequestSigner {
  const signer = new HttpSigner({ ...options, profile: "http-signature" });
  const limits = limitsOf(options.maxBodyBytes);
  const exchanges = new WeakMap<object, ClientExchange>();
  const verify = (
    request: object,
    verification: (exchange: ClientExchange) => Verified | Refused,
  ): void => {
    const exchange = exchanges.get(request);
    if (exchange === undefined) throw new InvalidValueError("request", "it was not signed here.");
    const verified = verification(exchange);
    if (!verified.verified) throw new SignatureError(verified.refusal, verified.keyId);
  };
  return {
    async signRequest(request, key) {
      const content = await contentOf(request, limits);
      const headers = new Headers(request.headers);
      if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
      const { method, url } = request;
      const { fields, exchange } = signer.signRequest({ method, url, headers }, content, key);
      for (const [name, value] of Object.entries(fields)) headers.set(name, value);
      const signed = new Request(request, { headers, ...(content !== null && { body: content }) });
      exchanges.set(signed, exchange);
      return signed;
    },
    async verifyResponse(response, request) {
      const content = await contentOf(response, limits);
      verify(request, (exchange) => exchange.verifyResponse(response, content));
      return withContent(response, content);
    },
    signNodeRequest(request, content = null, key) {
      const { method, path, protocol } = request;
      const headers = fieldsOf(request);
      const url = `${protocol}//${headers.get("host")}${path}`;
      const message = { method, url, target: path, headers };
      const { fields, exchange } = signer.signRequest(message, bytesOf(content), key);
      for (const [name, value] of Object.entries(fields)) request.setHeader(name, value);
      exchanges.set(request, exchange);
    },
    async verifyNodeResponse(response, request) {
      const content = await nodeContentOf(response, limits);
      const message = { status: response.statusCode ?? 0, headers: headersOf(response.rawHeaders) };
      verify(request, (exchange) => exchange.verifyResponse(message, content));
      return content;
    },
  };
}

function fieldsOf(request: ClientRequest): FieldSource {
  return {
    get(name) {
      const value = request.getHeader(name);
      if (value === undefined) return null;
      return Array.isArray(value) ? value.join(", ") : String(value);
    },
  };
}
