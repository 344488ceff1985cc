import type { CallOptions } from "./resource-repository.js";

/** A secret that a consumer and the server share. */
export interface ConsumerSecret {
  /** The secret itself. A reader of it can sign on as any user. */
  readonly value: string;
  /** From when messages are signed with it. Absent: from ever. */
  readonly notBefore?: Date;
  /** Until when messages are signed with it, this instant excluded. Absent: for ever. */
  readonly notAfter?: Date;
}

/** A site that asks the sign-on server who its visitors are: a "consumer" in django-simple-sso, a client elsewhere. */
export interface Consumer {
  /** What it is called on the wire: its public key in django-simple-sso. Unique. */
  readonly key: string;
  /** What people call it. */
  readonly name: string;
  /** The one wire format in which it may speak, so that no attacker can speak for it in a weaker one. */
  readonly format: "http-signature" | "simple-sso" | "simple-sso-draft";
  /** What its messages are signed with; several while one replaces another, at most four. */
  readonly secrets: readonly ConsumerSecret[];
  /** Where visitors may be sent back to. What each must equal depends on the format. */
  readonly redirectUris: readonly string[];
  /** Where it is notified that a user has signed out. Only for `http-signature`. */
  readonly signOutUri?: string;
  /** It takes no part any longer. */
  readonly isRevoked?: boolean;
}

/**
 * A store of the consumers of a sign-on server. An instance belongs to one tenant.
 *
 * The secrets are kept so that they can be read, since both sides compute with them: a reader of the store can
 * sign for every consumer.
 */
export abstract class ConsumerRepository {
  /** The consumer with this key. It is asked for with every message, before that is known to be signed. */
  abstract get(key: string, options?: CallOptions): Promise<Consumer | undefined>;

  /** Every consumer, by key. */
  abstract list(options?: CallOptions): Promise<readonly Consumer[]>;

  /** Stores a consumer; it replaces the one with the same key if there is one. */
  abstract save(consumer: Consumer, options?: CallOptions): Promise<void>;

  /** Forgets a consumer; one that is not there is ignored. */
  abstract remove(key: string, options?: CallOptions): Promise<void>;
}
