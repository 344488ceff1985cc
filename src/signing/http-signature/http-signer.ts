import { areEqual } from "../claim.js";
import type { SigningKey } from "../key.js";
import { type KeyRing, signingKey } from "../key-ring.js";
import { newNonce } from "../new-nonce.js";
import { type BoundedWindow, boundedWindow, untimely } from "../time-window.js";
import { type Refused, refused, type Verified } from "../verification.js";
import { RequestComponents } from "./components.js";
import {
  type Exchange,
  HttpSignature,
  type HttpSignatureOptions,
  signBase,
} from "./http-signature.js";
import type { HttpRequest, HttpResponse } from "./message.js";
import type { SignatureFields } from "./parameters.js";
import { parseUrl, partsOf } from "./signature-base.js";

/** Options of the signer of `http-signature`. */
export interface HttpSignerOptions extends HttpSignatureOptions {
  /** HTTP Message Signatures (RFC 9421). */
  readonly profile: "http-signature";
  /** The keys to sign with where none is given. */
  readonly keys?: KeyRing | undefined;
  /** Makes the nonces. Default: 128 random bits. */
  readonly newNonce?: (() => string) | undefined;
}

/** What is added to a request to sign it, and what its response is verified by. */
export interface SignedRequest {
  /** Fields to set on the request. */
  readonly fields: SignatureFields;
  /** Verifies the response to this request. */
  readonly exchange: ClientExchange;
}

/** Signs requests by RFC 9421 with `hmac-sha256`. */
export class HttpSigner {
  readonly #options: HttpSignerOptions;
  readonly #components: RequestComponents;
  readonly #signature: HttpSignature;
  readonly #window: BoundedWindow;

  constructor(options: HttpSignerOptions) {
    this.#options = options;
    this.#components = new RequestComponents(options.fields);
    this.#signature = new HttpSignature(options);
    this.#window = boundedWindow(options.window);
  }

  /**
   * Signs a request.
   *
   * @param content The bytes that are sent, after any compression; `null` where there are none.
   * @param key What to sign with. Default: the current key of the ring.
   * @throws {InvalidValueError} the request has no absolute URL, or lacks a field, or there is no key.
   */
  signRequest(request: HttpRequest, content: Uint8Array | null, key?: SigningKey): SignedRequest {
    const { keys, newNonce: makeNonce = newNonce } = this.#options;
    const signer = signingKey(key, keys, this.#signature.now());
    const nonce = makeNonce();
    const url = parseUrl(request.url);
    const { fields, message, covered } = this.#signature.sign(
      request.headers,
      content,
      (withDigest) => ({ request: partsOf(request, url, withDigest) }),
      this.#components,
      signer,
      nonce,
    );
    const exchange: Exchange = { request: message.request, covered, key: signer, nonce };
    return {
      fields,
      exchange: new ClientExchange(exchange, this.#signature, this.#window),
    };
  }
}

/** A request that was signed here, and waits for its response. */
export class ClientExchange {
  readonly #exchange: Exchange;
  readonly #signature: HttpSignature;
  readonly #window: BoundedWindow;

  /** @internal */
  constructor(exchange: Exchange, signature: HttpSignature, window: BoundedWindow) {
    this.#exchange = exchange;
    this.#signature = signature;
    this.#window = window;
  }

  /**
   * Verifies that a response is the server's, to this request: signed with the same key, over the request and its
   * nonce.
   *
   * @param content The bytes that were received, before any decompression; `null` where there are none.
   */
  verifyResponse(response: HttpResponse, content: Uint8Array | null): Verified | Refused {
    const { request, covered, key, nonce } = this.#exchange;
    const components = this.#signature.componentsOfResponse(covered);
    const message = { request, response };
    const read = this.#signature.read(response.headers, content, message, components);
    if ("refusal" in read) return read;
    const { parameters, base, signature } = read;
    if (!areEqual(signBase(key, base), signature)) return refused({ code: "wrong_signature" });
    // The response to another request, which was the same but for its nonce.
    if (parameters.nonce !== nonce) return refused({ code: "replayed" });
    const now = this.#signature.now().getTime() / 1_000;
    const refusal = untimely(parameters, now, this.#window);
    if (refusal !== undefined) return refused(refusal);
    return { verified: true, key, created: new Date(parameters.created * 1_000) };
  }
}
