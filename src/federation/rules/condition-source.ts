import type { Comparable } from "./comparators.js";

/** Whom and what a request is about, as far as it says so itself, or the response to it. */
export interface RequestSubject {
  /** The parameter `user`; at `/auth`, `username`. */
  readonly user: string | undefined;
  readonly realm: string | undefined;
  readonly resolver: string | undefined;
  /** The serial number of a token. */
  readonly serial: string | undefined;
  readonly containerSerial: string | undefined;
  readonly transactionId: string | undefined;
}

/** What a host knows of a user. What is absent is not known. */
export interface UserFacts {
  readonly realm?: string;
  readonly resolver?: string;
  /** The attributes of the user by name. */
  readonly info?: Readonly<Record<string, Comparable>>;
  readonly tokenCount?: number;
  readonly containerCount?: number;
}

/** What a host knows of a token. What is absent is not known. */
export interface TokenFacts {
  readonly serial?: string;
  readonly type?: string;
  readonly realms?: readonly string[];
  readonly resolvers?: readonly string[];
  /** Whether its fail counter has reached its maximum. */
  readonly isLocked?: boolean;
  readonly hasOwner?: boolean;
  /** Whether the user that it belongs to is gone. */
  readonly isOrphaned?: boolean;
  /** Whether now is within its period of validity. */
  readonly isInValidityPeriod?: boolean;
  readonly isInContainer?: boolean;
  readonly rolloutState?: string;
  readonly otpCounter?: number;
  readonly failCounter?: number;
  /** How many authentications were tried with it, and how many had success. */
  readonly authenticationCount?: number;
  readonly authenticationSuccessCount?: number;
  readonly lastAuthentication?: Date;
  readonly info?: Readonly<Record<string, Comparable>>;
}

/** What a host knows of a container. What is absent is not known. */
export interface ContainerFacts {
  readonly type?: string;
  readonly states?: readonly string[];
  readonly hasOwner?: boolean;
  readonly hasToken?: boolean;
  readonly realms?: readonly string[];
  /** The resolvers of its owners. */
  readonly resolvers?: readonly string[];
  readonly info?: Readonly<Record<string, Comparable>>;
  readonly lastAuthentication?: Date;
  readonly lastSynchronization?: Date;
}

/** What a host knows of a challenge. */
export interface ChallengeFacts {
  /** What the challenge is for, such as `enrollment`, or that it was declined: `challenge_declined`. */
  readonly session?: string;
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
