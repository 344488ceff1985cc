import { InvalidValueError } from "../../core/index.js";
import type { CallOptions, NonceRepository } from "../../repositories/index.js";
import { ClaimVerifier, type VerifierOptions } from "../claim.js";
import { malformed, refused, type Verification, type Verified } from "../verification.js";
import { RequestComponents } from "./components.js";
import {
  type Exchange,
  HttpSignature,
  type HttpSignatureOptions,
  signBase,
} from "./http-signature.js";
import type { HttpRequest, HttpResponse } from "./message.js";
import type { SignatureFields } from "./parameters.js";
import { partsOf } from "./signature-base.js";

/** Options of the verifier of `http-signature`. */
export interface HttpVerifierOptions extends VerifierOptions, HttpSignatureOptions {
  /** HTTP Message Signatures (RFC 9421). */
  readonly profile: "http-signature";
  /**
   * The hosts that requests are for, as URLs have them, such as `sso.example.com` or `localhost:8080`. A request to
   * another host that has the same key is refused here, whatever its `Host` says.
   */
  readonly authorities: readonly string[];
  /** Where requests are remembered, so that each passes once. */
  readonly nonces: NonceRepository;
}

/** A request that is verified. */
export interface VerifiedRequest extends Verified {
  readonly created: Date;
  /** What the response is signed by. */
  readonly exchange: ServerExchange;
}

/** Verifies requests that are signed by RFC 9421 with `hmac-sha256`, and signs their responses. */
export class HttpVerifier {
  readonly #claims: ClaimVerifier;
  readonly #components: RequestComponents;
  readonly #signature: HttpSignature;
  readonly #authorities: ReadonlySet<string>;

  /** @throws {InvalidValueError} no host is named. */
  constructor(options: HttpVerifierOptions) {
    if (options.authorities.length === 0) {
      throw new InvalidValueError("authorities", "at least one host is named.");
    }
    this.#claims = new ClaimVerifier(options.profile, options, options.nonces);
    this.#components = new RequestComponents(options.fields);
    this.#signature = new HttpSignature(options);
    this.#authorities = new Set(options.authorities.map((authority) => authority.toLowerCase()));
  }

  /**
   * Verifies a request.
   *
   * @param request The request, with the URL that the client named: behind a proxy that is the one outside. With its
   * `target`, the path and the query are the bytes that were received; without it, those of the URL in its usual form,
   * so that a request whose path was written otherwise on the way, as `/x/../v` for `/v`, cannot be distinguished from
   * the one that was signed.
   * @param content The bytes that were received, before any decompression; `null` where there are none.
   */
  async verifyRequest(
    request: HttpRequest,
    content: Uint8Array | null,
    options?: CallOptions,
  ): Promise<Verification<VerifiedRequest>> {
    const { headers } = request;
    const url = typeof request.url === "string" ? URL.parse(request.url) : request.url;
    if (url === null) return malformed("The URL of the request is not absolute.");
    if (!this.#authorities.has(url.host)) return refused({ code: "wrong_authority" });
    const parsed = partsOf(request, url);
    const read = this.#signature.read(headers, content, { request: parsed }, this.#components);
    if ("refusal" in read) return read;
    const { parameters, covered, base, signature } = read;
    const { keyId, nonce, created } = parameters;
    const verification = await this.#claims.verify(
      { keyId, signature, sign: (key) => signBase(key, base), times: parameters, nonce },
      options,
    );
    if (!verification.verified) return verification;
    const { key } = verification;
    const exchange = new ServerExchange({ request: parsed, covered, key, nonce }, this.#signature);
    return { verified: true, key, created: new Date(created * 1_000), exchange };
  }
}

/** A request that was verified here, and waits for its response. */
export class ServerExchange {
  readonly #exchange: Exchange;
  readonly #signature: HttpSignature;

  /** @internal */
  constructor(exchange: Exchange, signature: HttpSignature) {
    this.#exchange = exchange;
    this.#signature = signature;
  }

  /**
   * Signs the response to the request, with the key of the request.
   *
   * @param content The bytes that are sent, after any compression; `null` where there are none.
   * @returns the fields to set on the response.
   * @throws {InvalidValueError} the response lacks a field that is to be covered.
   */
  signResponse(response: HttpResponse, content: Uint8Array | null): SignatureFields {
    const { request, covered, key, nonce } = this.#exchange;
    const components = this.#signature.componentsOfResponse(covered);
    const { status, headers } = response;
    const signed = this.#signature.sign(
      headers,
      content,
      (withDigest) => ({ request, response: { status, headers: withDigest } }),
      components,
      key,
      nonce,
    );
    return signed.fields;
  }
}
