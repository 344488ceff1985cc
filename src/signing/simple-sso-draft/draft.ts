import { createHmac } from "node:crypto";
import { InvalidValueError } from "../../core/index.js";
import type { CallOptions, NonceRepository } from "../../repositories/index.js";
import { type Claim, ClaimVerifier, type Proven, type VerifierOptions } from "../claim.js";
import type { SigningKey } from "../key.js";
import { type KeyRing, signingKey } from "../key-ring.js";
import { newNonce } from "../new-nonce.js";
import { malformed, type Refused, type Verification, type Verified } from "../verification.js";
import {
  canonicalQuery,
  parseSignedQuery,
  type QueryParameters,
  type SignedQuery,
} from "./draft-query.js";

/**
 * Parameters that two sites add to the requests of the draft, which has neither a time nor a nonce. Both sites must be
 * configured so; a server that knows the draft only takes no part in it.
 */
export interface DraftFreshness {
  /** The name of the parameter with the time of signing, in seconds since 1970. */
  readonly timestamp: string;
  /** The name of the parameter with a random text. */
  readonly nonce: string;
}

/** Options of the signer of `simple-sso-draft`. */
export interface DraftSignerOptions {
  /** The signature of the draft of 2011 of django-simple-sso. */
  readonly profile: "simple-sso-draft";
  /** The keys to sign with where none is given. */
  readonly keys?: KeyRing | undefined;
  /** What is added to requests. Default: nothing, as the draft has it. */
  readonly freshness?: DraftFreshness | undefined;
  /** The clock. Default: the system's. */
  readonly now?: (() => Date) | undefined;
  /** Makes the nonces. Default: 128 random bits. */
  readonly newNonce?: (() => string) | undefined;
}

/** Options of the verifier of `simple-sso-draft`. */
export interface DraftVerifierOptions extends VerifierOptions {
  /** The signature of the draft of 2011 of django-simple-sso. */
  readonly profile: "simple-sso-draft";
  /**
   * What is required of requests. Default: nothing, as the draft has it: then a request that was once signed passes for
   * ever.
   */
  readonly freshness?: DraftFreshness | undefined;
  /** Where requests are remembered, so that each passes once. It needs `freshness`. */
  readonly nonces?: NonceRepository | undefined;
}

/** A query that is verified. */
export interface VerifiedDraft extends Verified {
  /** Everything that was signed, in the order in which it was received. */
  readonly parameters: QueryParameters;
}

/** HMAC-SHA256 over the sorted query, in hexadecimal digits: the message is the query and the key is the secret. */
function sign(key: SigningKey, message: string): string {
  return createHmac("sha256", key.secret).update(message, "latin1").digest("hex");
}

/** Signs the queries of the simple-sso draft of 2011. */
export class DraftSigner {
  readonly #options: DraftSignerOptions;
  readonly #now: () => Date;

  constructor(options: DraftSignerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Signs the parameters of a request, with `key`, the id of the key, among them.
   *
   * @param key What to sign with. Default: the current key of the ring.
   * @returns the query, without a question mark.
   * @throws {InvalidValueError} a parameter has a name that the profile uses, or there is no key.
   */
  signRequest(parameters: QueryParameters, key?: SigningKey): string {
    const now = this.#now();
    const { keys, freshness, newNonce: makeNonce = newNonce } = this.#options;
    const signer = signingKey(key, keys, now);
    const added: [string, string][] = [["key", signer.id]];
    if (freshness !== undefined) {
      added.push([freshness.timestamp, String(Math.floor(now.getTime() / 1_000))]);
      added.push([freshness.nonce, makeNonce()]);
    }
    assertUnused(parameters, ["signature", ...added.map(([name]) => name)]);
    return withSignature([...parameters, ...added], signer);
  }

  /**
   * Signs the parameters of a response, which names no key: it is the one of the request. Nothing binds a response to
   * its request, so that an old response passes for a new one; only the transport can prevent that.
   *
   * @returns the body, as `application/x-www-form-urlencoded`, or the query of a redirection.
   */
  signResponse(parameters: QueryParameters, key?: SigningKey): string {
    assertUnused(parameters, ["signature"]);
    return withSignature(parameters, signingKey(key, this.#options.keys, this.#now()));
  }
}

function withSignature(parameters: QueryParameters, key: SigningKey): string {
  const message = canonicalQuery(parameters);
  return `${message}${message === "" ? "" : "&"}signature=${sign(key, message)}`;
}

function assertUnused(parameters: QueryParameters, reserved: readonly string[]): void {
  for (const [name] of parameters) {
    if (reserved.includes(name)) {
      throw new InvalidValueError("parameters", `the profile itself uses the name "${name}".`);
    }
  }
}

/** Verifies the queries of the simple-sso draft of 2011. */
export class DraftVerifier {
  readonly #claims: ClaimVerifier;
  readonly #freshness: DraftFreshness | undefined;

  constructor(options: DraftVerifierOptions) {
    const { freshness, nonces } = options;
    if (nonces !== undefined && freshness === undefined) {
      throw new InvalidValueError(
        "nonces",
        "requests without a time would have to be remembered for ever: set freshness too.",
      );
    }
    this.#claims = new ClaimVerifier(options.profile, options, nonces);
    this.#freshness = freshness;
  }

  /**
   * Verifies a request.
   *
   * @param query The query as it was received, without a question mark. Every parameter must be signed.
   */
  async verifyRequest(query: string, options?: CallOptions): Promise<Verification<VerifiedDraft>> {
    const read = parseSignedQuery(query);
    if (read === undefined) return notSigned();
    const claim = this.#claimOf(read);
    if ("refusal" in claim) return claim;
    return withParameters(await this.#claims.verify(claim, options), read, claim);
  }

  /**
   * Verifies a response.
   *
   * @param body The body or the query as it was received.
   * @param keyId The id of the key that the request was signed with.
   */
  async verifyResponse(
    body: string,
    keyId: string,
    options?: CallOptions,
  ): Promise<Verification<VerifiedDraft>> {
    const read = parseSignedQuery(body);
    if (read === undefined) return notSigned();
    const { message, signature } = read;
    const claim: Claim = { keyId, signature, sign: (key) => sign(key, message) };
    return withParameters(await this.#claims.verify(claim, options), read, claim);
  }

  /** What a request says of itself. */
  #claimOf({ parameters, message, signature }: SignedQuery): Claim | Refused {
    const keyId = single(parameters, "key");
    if (keyId === undefined) return malformed("There must be one parameter named key.");
    const signed = { keyId, signature, sign: (key: SigningKey) => sign(key, message) };
    if (this.#freshness === undefined) return signed;
    const created = single(parameters, this.#freshness.timestamp);
    if (created === undefined || !/^[1-9][0-9]{0,11}$/.test(created)) {
      return malformed("There must be one parameter with the time, in seconds.");
    }
    const nonce = single(parameters, this.#freshness.nonce);
    if (nonce === undefined || nonce === "") {
      return malformed("There must be one parameter with a nonce.");
    }
    return { ...signed, times: { created: Number(created) }, nonce };
  }
}

function withParameters(
  verification: Proven | Refused,
  { parameters }: SignedQuery,
  { times }: Claim,
): Verification<VerifiedDraft> {
  if (!verification.verified) return verification;
  const { key } = verification;
  return times === undefined
    ? { verified: true, key, parameters }
    : { verified: true, key, parameters, created: new Date(times.created * 1_000) };
}

function notSigned(): Refused {
  return malformed("It is not a query with one signature, in the encoding of the draft.");
}

/** The value of a parameter that is there once. */
function single(parameters: QueryParameters, name: string): string | undefined {
  let found: string | undefined;
  for (const parameter of parameters) {
    if (parameter[0] !== name) continue;
    if (found !== undefined) return undefined;
    found = parameter[1];
  }
  return found;
}
