import type { IncomingMessage, ServerResponse } from "node:http";
import { type ConnectionInfo, InvalidValueError } from "../../core/index.js";
import { headersOf, targetOf } from "../../http/index.js";
import type { CallOptions, NonceRepository } from "../../repositories/index.js";
import type { SigningKey } from "../key.js";
import { SignatureError } from "../signature-error.js";
import { bytesOf, contentOf, limitsOf, nodeContentOf, withContent } from "./content.js";
import { HttpVerifier, type HttpVerifierOptions, type VerifiedRequest } from "./http-verifier.js";
import type { HttpRequest } from "./message.js";

/** Options of {@link requestVerifier}. */
export interface RequestVerifierOptions
  extends Omit<HttpVerifierOptions, "profile" | "authorities"> {
  /**
   * The origin by which clients name this site, such as `https://sso.example.com`. A request that was signed for
   * another one is refused, whatever its `Host` says, also behind a proxy.
   */
  readonly origin: string;
  /** Where requests are remembered, so that each passes once. */
  readonly nonces: NonceRepository;
  /** The longest body that is read, in bytes. Default: 1,048,576. */
  readonly maxBodyBytes?: number | undefined;
}

/** A request whose signature is right. */
export interface SignedWebRequest {
  /** The key that it is signed with. */
  readonly key: SigningKey;
  /** When it was signed. */
  readonly created: Date;
  /** Its content, as it was received; `null` where there is none. */
  readonly content: Uint8Array<ArrayBuffer> | null;
  /** The request, whose body can be read. */
  readonly request: Request;
  /** Signs the response with the key of the request, which proves that it answers this request and no other. */
  signResponse(response: Response): Promise<Response>;
}

/** A request of `node:http` whose signature is right. */
export interface SignedNodeRequest {
  /** The key that it is signed with. */
  readonly key: SigningKey;
  /** When it was signed. */
  readonly created: Date;
  /** Its content, as it was received; empty where there is none. */
  readonly content: Buffer;
  /**
   * Sets the fields of the signature on the response, before it is sent with this content. Its status and the fields
   * that are covered are set before.
   *
   * @param content what will be given to `response.end`.
   */
  signResponse(response: ServerResponse, content?: string | Uint8Array | null): void;
}

/** Verifies requests and signs their responses. Its functions need no `this`. */
export interface RequestVerifier {
  /**
   * Verifies a request, whose body is read for it.
   *
   * @param connection what `concordat/node` says of it: the target as it was received counts, if it is there.
   * @throws {SignatureError} it is not what the holder of a key signed; or the stores are unavailable.
   * @throws {TooManyError} the body is longer than `maxBodyBytes`.
   */
  verifyRequest(
    request: Request,
    connection?: Pick<ConnectionInfo, "target">,
  ): Promise<SignedWebRequest>;
  /**
   * Verifies a request of `node:http`. A framework that has read the body leaves its bytes in `request.body`.
   *
   * @throws as `verifyRequest` does.
   * @throws {UnsupportedError} the body was read before, and its bytes are not there.
   */
  verifyNodeRequest(request: IncomingMessage, options?: CallOptions): Promise<SignedNodeRequest>;
}

/**
 * Verifies requests by RFC 9421 and signs their responses, message by message: the short form of `createVerifier` with
 * the profile `http-signature`. A request that is refused is an error here; with `createVerifier` it is a value.
 *
 * ```ts
 * const { verifyRequest } = requestVerifier({ keys, nonces, origin: "https://sso.example.com" });
 * const { key, request, signResponse } = await verifyRequest(received);
 * return await signResponse(Response.json({ signedWith: key.id }));
 * ```
 *
 * @throws {InvalidValueError} as `createVerifier` does; or `origin` is no `http` or `https` URL, or `maxBodyBytes` not a
 * whole number from 1.
 */
export function requestVerifier(options: RequestVerifierOptions): RequestVerifier {
  const origin = originOf(options.origin);
  const verifier = new HttpVerifier({
    ...options,
    profile: "http-signature",
    authorities: [origin.host],
  });
  const limits = limitsOf(options.maxBodyBytes);
  const verify = async (
    message: HttpRequest,
    content: Uint8Array | null,
    call?: CallOptions,
  ): Promise<VerifiedRequest> => {
    const verification = await verifier.verifyRequest(message, content, call);
    if (verification.verified) return verification;
    throw new SignatureError(verification.refusal, verification.keyId);
  };
  return {
    async verifyRequest(received, connection) {
      const { headers, method, signal } = received;
      const content = await contentOf(received, limits);
      const target = connection?.target;
      const url = at(origin, new URL(received.url));
      const message = { method, url, headers, ...(target !== undefined && { target }) };
      const { key, created, exchange } = await verify(message, content, { signal });
      const body = content === null ? {} : { body: content };
      return {
        key,
        created,
        content,
        request: new Request(received.url, { method, headers, signal, ...body }),
        async signResponse(response) {
          const own = await contentOf(response, limits);
          const signed = withContent(response, own);
          const fields = exchange.signResponse(signed, own);
          for (const [name, value] of Object.entries(fields)) signed.headers.set(name, value);
          return signed;
        },
      };
    },
    async verifyNodeRequest(received, call) {
      const content = await nodeContentOf(received, limits);
      const target = targetOf(received);
      const message = {
        method: received.method ?? "GET",
        // A target that is a whole URL names a host, too, which does not count.
        url: target.startsWith("/")
          ? new URL(origin.origin + target)
          : at(origin, URL.parse(target) ?? origin),
        target,
        headers: headersOf(received.rawHeaders),
      };
      const { key, created, exchange } = await verify(message, content, call);
      return {
        key,
        created,
        content,
        signResponse(response, own = null) {
          const headers = {
            get(name: string): string | null {
              const value = response.getHeader(name);
              if (value === undefined) return null;
              return Array.isArray(value) ? value.join(", ") : String(value);
            },
          };
          const { statusCode: status } = response;
          const fields = exchange.signResponse({ status, headers }, bytesOf(own));
          for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
        },
      };
    },
  };
}

/** The path and the query at the origin. A path that begins with two slashes is no other host. */
function at({ origin }: URL, { pathname, search }: URL): URL {
  return new URL(origin + pathname + search);
}

function originOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidValueError(
      "origin",
      "it is an http or https URL, such as https://example.com.",
    );
  }
  return url;
}
