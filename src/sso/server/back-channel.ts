import type {
  CallOptions,
  Consumer,
  ConsumerRepository,
  NonceRepository,
} from "../../repositories/index.js";
import {
  createSigner,
  createVerifier,
  type DraftSigner,
  type DraftVerifier,
  type Epoch,
  type HttpVerifier,
  type SimpleSsoSigner,
  type SimpleSsoVerifier,
  type TimeWindow,
} from "../../signing/index.js";
import { SignOnError } from "../errors.js";
import {
  answer,
  type Members,
  readContent,
  readMembers,
  refusalOf,
  signatureTag,
  signedRequest,
} from "../message.js";
import { pythonJson } from "../python-json.js";
import { ConsumerKeys } from "./consumers.js";

/** What a consumer asks, which is known to be its own. */
export interface ConsumerRequest {
  readonly consumer: Consumer;
  readonly members: Members;
  /** Answers it in its format. */
  answer(members: Readonly<Record<string, unknown>>): Response;
}

/** Reads what consumers ask, in one format. */
export interface BackChannel {
  /** @throws {SignOnError} nobody, or nobody known, has signed it. */
  read(request: Request, options: StepOptions): Promise<ConsumerRequest>;
}

/** What a step is done with beside its request. */
export interface StepOptions extends CallOptions {
  /** The request target as it was received, where the mount can tell. */
  readonly target?: string;
}

/** What all formats are made with. */
export interface BackChannelOptions {
  readonly consumers: ConsumerRepository;
  /** How far the time of a message may be from now. */
  readonly window?: TimeWindow;
  readonly now: () => Date;
}

/** Bodies and headers of django-simple-sso from 0.9 on. */
export class SimpleSsoBackChannel implements BackChannel {
  readonly #keys: ConsumerKeys;
  readonly #verifier: SimpleSsoVerifier;
  readonly #signer: SimpleSsoSigner;

  constructor(options: BackChannelOptions & { readonly epoch?: Epoch }) {
    const { consumers, epoch, now, ...rest } = options;
    const profile = "simple-sso";
    this.#keys = new ConsumerKeys(consumers, profile);
    this.#verifier = createVerifier({ ...rest, profile, now, keys: this.#keys });
    this.#signer = createSigner({ profile, now, ...(epoch === undefined ? {} : { epoch }) });
  }

  async read(request: Request, options: StepOptions): Promise<ConsumerRequest> {
    const keyId = request.headers.get("x-services-public-key");
    if (keyId === null) throw new SignOnError("no_key");
    const content = await readContent(request);
    const verification = await this.#verifier.verify(content, keyId, options);
    if (!verification.verified) throw refusalOf(verification);
    const { key, payload } = verification;
    return {
      consumer: this.#keys.ownerOf(key),
      members: readMembers(payload),
      answer: (members) =>
        answer(this.#signer.sign(pythonJson(members), key), "text/plain; charset=utf-8"),
    };
  }
}

/** Queries and forms of the draft of 2011. */
export class DraftBackChannel implements BackChannel {
  readonly #keys: ConsumerKeys;
  readonly #verifier: DraftVerifier;
  readonly #signer: DraftSigner;

  constructor({ consumers, now, ...rest }: BackChannelOptions) {
    const profile = "simple-sso-draft";
    this.#keys = new ConsumerKeys(consumers, profile);
    this.#verifier = createVerifier({ ...rest, profile, now, keys: this.#keys });
    this.#signer = createSigner({ profile, now });
  }

  async read(request: Request, options: StepOptions): Promise<ConsumerRequest> {
    const { search } = new URL(request.url);
    const verification = await this.#verifier.verifyRequest(search.slice(1), options);
    if (!verification.verified) throw refusalOf(verification);
    const { key, parameters } = verification;
    const members = new Map(parameters);
    // Of two values, one peer might read the first and another the last.
    if (members.size < parameters.length) throw new SignOnError("malformed");
    return {
      consumer: this.#keys.ownerOf(key),
      members,
      answer: (fields) => {
        const texts = Object.entries(fields).map(([name, value]): [string, string] => [
          name,
          typeof value === "string" ? value : pythonJson(value),
        ]);
        return answer(
          this.#signer.signResponse(texts, key),
          "application/x-www-form-urlencoded; charset=utf-8",
        );
      },
    };
  }
}

/** JSON, signed by RFC 9421. */
export class HttpSignatureBackChannel implements BackChannel {
  readonly #keys: ConsumerKeys;
  readonly #verifier: HttpVerifier;
  readonly #origin: string;

  constructor(
    options: BackChannelOptions & { readonly nonces: NonceRepository; readonly url: URL },
  ) {
    const { consumers, url, ...rest } = options;
    const profile = "http-signature";
    this.#origin = url.origin;
    this.#keys = new ConsumerKeys(consumers, profile);
    this.#verifier = createVerifier({
      ...rest,
      profile,
      tag: signatureTag,
      keys: this.#keys,
      authorities: [url.host],
    });
  }

  async read(request: Request, options: StepOptions): Promise<ConsumerRequest> {
    const content = await readContent(request);
    const { exchange, key } = await this.#verify(request, content, options);
    return {
      consumer: this.#keys.ownerOf(key),
      members: readMembers(new TextDecoder().decode(content)),
      answer: (members) => {
        const body = new TextEncoder().encode(JSON.stringify(members));
        const response = answer(body, "application/json");
        const fields = exchange.signResponse(response, body);
        for (const [name, value] of Object.entries(fields)) response.headers.set(name, value);
        return response;
      },
    };
  }

  async #verify(request: Request, content: Uint8Array, options: StepOptions) {
    const verification = await this.#verifier.verifyRequest(
      signedRequest(request, this.#origin, options.target),
      content,
      options,
    );
    if (!verification.verified) throw refusalOf(verification);
    return verification;
  }
}
