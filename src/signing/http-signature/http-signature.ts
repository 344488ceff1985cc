import { createHmac } from "node:crypto";
import { InvalidValueError } from "../../core/index.js";
import type { SigningKey } from "../key.js";
import { boundedWindow, type TimeWindow } from "../time-window.js";
import { malformed, type Refused, refused } from "../verification.js";
import {
  type CoveredComponents,
  type CoveredFields,
  type RequestComponents,
  ResponseComponents,
} from "./components.js";
import { contentDigest, isDigestOf } from "./content-digest.js";
import type { FieldSource, HttpRequest, SignedMessage } from "./message.js";
import {
  printParameters,
  printSignature,
  readSignature,
  type SignatureFields,
  type SignatureParameters,
} from "./parameters.js";
import { identifiedBase, type SignatureBaseOptions } from "./signature-base.js";

/** What both sides of the profile `http-signature` agree on. */
export interface HttpSignatureOptions extends SignatureBaseOptions {
  /**
   * What the signatures are for, so that one made for another purpose does not pass (RFC 9421 §2.3). Default:
   * `concordat`.
   */
  readonly tag?: string | undefined;
  /** Fields that are covered beside what is always covered. Default: none. */
  readonly fields?: CoveredFields | undefined;
  /** How far the time of a message may be from now. */
  readonly window?: TimeWindow | undefined;
  /** How many components a signature that is verified may cover. Default: 64. */
  readonly maxComponents?: number | undefined;
  /** How long what is signed here passes, in seconds. Default: as long as what is taken here, `window.past`. */
  readonly lifetime?: number | undefined;
  /** The clock. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/** A request with what its signature says, by which its response is signed. */
export interface Exchange {
  /** The request with the digest of its content. */
  readonly request: HttpRequest;
  readonly covered: CoveredComponents;
  readonly key: SigningKey;
  readonly nonce: string;
}

/** HMAC-SHA256 over the signature base, in base64 (RFC 9421 §3.3.3). */
export function signBase(key: SigningKey, base: string): string {
  return createHmac("sha256", key.secret).update(base, "latin1").digest("base64");
}

/** What was made of a message to sign it. */
interface Signed<M extends SignedMessage> {
  readonly fields: SignatureFields;
  /** The message with the digest of its content among its fields. */
  readonly message: M;
  readonly covered: CoveredComponents;
}

/** A signature that was read and of which only the proof is missing. */
interface Unproven {
  readonly parameters: SignatureParameters;
  readonly covered: CoveredComponents;
  readonly base: string;
  readonly signature: string;
}

/** The part of the profile that requests and responses have in common. */
export class HttpSignature {
  readonly now: () => Date;
  readonly #tag: string;
  readonly #lifetime: number;
  readonly #maxComponents: number;
  readonly #structuredFields: SignatureBaseOptions["structuredFields"];
  readonly #fields: CoveredFields | undefined;
  /** Most requests are covered by one of two lists, and so are their responses. */
  readonly #responses = new WeakMap<CoveredComponents, ResponseComponents>();

  constructor(options: HttpSignatureOptions) {
    const { tag = "concordat", now = () => new Date(), maxComponents = 64 } = options;
    const { lifetime = Math.max(1, Math.ceil(boundedWindow(options.window).past)) } = options;
    if (!(Number.isInteger(lifetime) && lifetime > 0)) {
      throw new InvalidValueError("lifetime", "it is a whole number of seconds from 1.");
    }
    this.now = now;
    this.#tag = tag;
    this.#lifetime = lifetime;
    this.#maxComponents = maxComponents;
    this.#structuredFields = options.structuredFields;
    this.#fields = options.fields;
  }

  /** What the signature of a response covers, given what that of its request does. */
  componentsOfResponse(request: CoveredComponents): ResponseComponents {
    let components = this.#responses.get(request);
    if (components === undefined) {
      components = new ResponseComponents(request, this.#fields);
      this.#responses.set(request, components);
    }
    return components;
  }

  /**
   * Signs a message.
   *
   * @param headers The fields of the message, and `messageWith` the message with such fields.
   */
  sign<M extends SignedMessage>(
    headers: FieldSource,
    content: Uint8Array | null,
    messageWith: (headers: FieldSource) => M,
    { withContent, withoutContent }: RequestComponents | ResponseComponents,
    key: SigningKey,
    nonce: string,
  ): Signed<M> {
    const hasContent = content !== null && content.length > 0;
    const covered = hasContent ? withContent : withoutContent;
    const created = Math.floor(this.now().getTime() / 1_000);
    const expires = created + this.#lifetime;
    const parameters = { created, expires, nonce, keyId: key.id, tag: this.#tag };
    const input = printParameters(covered.list, parameters);
    const digest = hasContent ? contentDigest(content) : undefined;
    const message = messageWith(digest === undefined ? headers : withDigest(headers, digest));
    const base = identifiedBase(message, covered.components, input, this.#structuredFields);
    const signature = printSignature(input, signBase(key, base));
    const fields = digest === undefined ? signature : { "content-digest": digest, ...signature };
    return { fields, message, covered };
  }

  /** Reads the signature of a message, and checks what can be checked without a key. */
  read(
    headers: FieldSource,
    content: Uint8Array | null,
    message: SignedMessage,
    required: RequestComponents | ResponseComponents,
  ): Unproven | Refused {
    const read = readSignature(headers, this.#tag, required, this.#maxComponents);
    if ("refusal" in read) return read;
    const { source, parameters, signature, covered } = read;
    const hasDigest = covered.hasContent
      ? isDigestOf(headers.get("content-digest") ?? "", content ?? new Uint8Array())
      : content === null || content.length === 0;
    if (!hasDigest) return refused({ code: "wrong_digest" });
    try {
      const base = identifiedBase(message, covered.components, source, this.#structuredFields);
      return { parameters, covered, base, signature };
    } catch (error) {
      if (error instanceof InvalidValueError) return malformed(error.message);
      throw error;
    }
  }
}

/** The fields with the digest in place of any that they have. */
function withDigest(headers: FieldSource, digest: string): FieldSource {
  return { get: (name) => (name === "content-digest" ? digest : headers.get(name)) };
}
