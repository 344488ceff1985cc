import type { Comparable } from "./comparators.js";

/** Whom and what a request is about, as far as it says so itself, or the response to it. */
export interface RequestSubject {
  /** The parameter `user`; at `/auth`, `username`. */
  readonly user: string | undefined;
  /** The realm that it names, or the default one; undefined where its path names a resolver. */
  readonly realm: string | undefined;
  /** The user store that its path or the parameter `resolver` names. */
  readonly resolver: string | undefined;
  /** The serial number of a token. */
  readonly serial: string | undefined;
  /** The serial number of a container. */
  readonly containerSerial: string | undefined;
  /** The id of the transaction that challenges belong to. */
  readonly transactionId: string | undefined;
}

/** What a host knows of a user. What is absent is not known. */
export interface UserFacts {
  /** The realm that the user is in. */
  readonly realm?: string;
  /** The user store that the user is from. */
  readonly resolver?: string;
  /** The attributes of the user by name. */
  readonly info?: Readonly<Record<string, Comparable>>;
  /** How many tokens are assigned to the user. */
  readonly tokenCount?: number;
  /** How many containers are assigned to the user. */
  readonly containerCount?: number;
}

/** What a host knows of a token. What is absent is not known. */
export interface TokenFacts {
  /** Its serial number, such as `HOTP0001`. */
  readonly serial?: string;
  /** Its type in lower case, such as `hotp` or `push`. */
  readonly type?: string;
  /** The realms that it is in, by name. */
  readonly realms?: readonly string[];
  /** The resolvers of its owners, by name. */
  readonly resolvers?: readonly string[];
  /** Whether its fail counter has reached its maximum. */
  readonly isLocked?: boolean;
  /** Whether it is assigned to a user. */
  readonly hasOwner?: boolean;
  /** Whether the user that it belongs to is gone. */
  readonly isOrphaned?: boolean;
  /** Whether now is within its period of validity. */
  readonly isInValidityPeriod?: boolean;
  /** Whether it is in a container. */
  readonly isInContainer?: boolean;
  /** How far its enrolment has come, such as `clientwait` or `verify`; empty where it is done. */
  readonly rolloutState?: string;
  /** The counter of the one-time password that was used last. */
  readonly otpCounter?: number;
  /** How many authentications have failed one after the other. */
  readonly failCounter?: number;
  /** How many authentications were tried with it, and how many had success. */
  readonly authenticationCount?: number;
  /** How many of these had success. */
  readonly authenticationSuccessCount?: number;
  /** When it was last used to authenticate. */
  readonly lastAuthentication?: Date;
  /** Its further data by key, as privacyIDEA's token info. */
  readonly info?: Readonly<Record<string, Comparable>>;
}

/** What a host knows of a container. What is absent is not known. */
export interface ContainerFacts {
  /** Its type in lower case, such as `smartphone`. */
  readonly type?: string;
  /** The states that it is in, such as `active` or `lost`. */
  readonly states?: readonly string[];
  /** Whether it is assigned to a user. */
  readonly hasOwner?: boolean;
  /** Whether a token is in it. */
  readonly hasToken?: boolean;
  /** The realms that it is in, by name. */
  readonly realms?: readonly string[];
  /** The resolvers of its owners. */
  readonly resolvers?: readonly string[];
  /** Its further data by key, as privacyIDEA's container info. */
  readonly info?: Readonly<Record<string, Comparable>>;
  /** When a token in it was last used to authenticate. */
  readonly lastAuthentication?: Date;
  /** When the device that holds it was last synchronised. */
  readonly lastSynchronization?: Date;
}

/** What a host knows of a challenge. */
export interface ChallengeFacts {
  /** What the challenge is for, such as `enrollment`, or that it was declined: `challenge_declined`. */
  readonly session?: string;
  /** Whether it can be answered no longer. */
  readonly isExpired?: boolean;
}

/**
 * What conditions need to know of a host's own data. A host implements what it knows; the rest is not known, and a
 * condition that cannot be checked is not fulfilled, unless its rule says otherwise.
 */
export interface ConditionSource {
  /** The user of a request, or the owner of its token. */
  user?(subject: RequestSubject): Promise<UserFacts | undefined>;
  /** The token of a request: the one with the serial number, or the only one that the user has. */
  token?(subject: RequestSubject): Promise<TokenFacts | undefined>;
  /** The container of a request, or the one that its token is in. */
  container?(subject: RequestSubject): Promise<ContainerFacts | undefined>;
  /**
   * The challenges of a token or container, of one transaction if the request names it. Only a single one is looked at.
   */
  challenges?(subject: RequestSubject): Promise<readonly ChallengeFacts[] | undefined>;
  /** A counter of the host's. */
  counter?(name: string): Promise<number | undefined>;
  /** The role of the user who is logged in and makes the request. */
  role?(subject: RequestSubject): Promise<"admin" | "user" | undefined>;
}
