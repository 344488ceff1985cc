import type { CallOptions } from "./resource-repository.js";

/**
 * What the sign-on server remembers of a token that it gave out.
 *
 * - `request`: a consumer asked to have a visitor signed in. Its token goes to the visitor's browser and carries this,
 *   encrypted;
 *   the server stores none of them.
 * - `access`: the visitor was, and the consumer may ask once who it is.
 * - `session`: the consumer got it, and is to be notified when the visitor signs out.
 */
export interface SignOnToken {
  /** What the token is for. */
  readonly kind: "request" | "access" | "session";
  /** A digest of the token, never the token: who reads the store cannot use what is in it. */
  readonly id: string;
  /** The key of the consumer that it is for. */
  readonly consumer: string;
  /** From this moment on the token is as good as gone. */
  readonly expiresAt: Date;
  /** Where the visitor is sent back to. */
  readonly redirectTo?: string;
  /** What the consumer wants back with the visitor, by which it knows the browser that began. */
  readonly state?: string;
  /** The id of the user who signed in. */
  readonly subject?: string;
  /** The name of the user's session at the server. */
  readonly session?: string;
  /** The id of the request to which an access token was returned. */
  readonly request?: string;
}

/** By what a token is found. */
export type SignOnTokenKey = Pick<SignOnToken, "kind" | "id" | "consumer">;

/**
 * A store of the tokens that a sign-on server gave out. An instance belongs to one tenant.
 *
 * A token that has expired is as good as gone: no method returns it.
 */
export abstract class SignOnTokenRepository {
  /** Stores a token; it replaces the one with its kind and id if there is one. */
  abstract save(token: SignOnToken, options?: CallOptions): Promise<void>;

  /** The token with this id, which is left where it is. */
  abstract get(
    kind: SignOnToken["kind"],
    id: string,
    options?: CallOptions,
  ): Promise<SignOnToken | undefined>;

  /**
   * Takes a token out, as one step: of any number of concurrent calls for one token exactly one is given it. The token
   * of another consumer is not found, and stays.
   */
  abstract take(key: SignOnTokenKey, options?: CallOptions): Promise<SignOnToken | undefined>;

  /** The tokens of kind `session` of a user, in no order that is promised. */
  abstract sessions(subject: string, options?: CallOptions): Promise<readonly SignOnToken[]>;

  /**
   * Forgets the tokens that have expired. A host calls it from time to time.
   *
   * @returns how many were forgotten.
   */
  abstract purge(options?: CallOptions): Promise<number>;
}
