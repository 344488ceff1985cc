import type { LdapConnection } from "../connection/connection.js";
import type { RootDse } from "../wire/root-dse.js";
import type { Content, DeletionPolicy } from "./reading.js";

/** What of a directory, or of the rights of an account in it, was looked at. */
export type FindingTopic =
  | "dialect" // whether there is a reader for it
  | "base" // whether the bases are there and can be told apart
  | "content" // how many entries there are, and whether a limit keeps some back
  | "permanentIds" // what tells entries apart, whatever their names
  | "versions" // what tells which of two states of an entry is newer
  | "changelog" // what makes a resume cheap
  | "serverStart" // when the server was started
  | "deletedObjects" // what was deleted
  | "accountLock" // what says that an account is disabled
  | "attributes"; // what else is mapped

/**
 * What follows. `none`: all is well. `cost`: it works, and takes longer. `loss`: it works, and something is missed
 * without an error. `refusal`: a stream would end with an error. `unclear`: it cannot be told from outside.
 */
export type FindingEffect = "none" | "cost" | "loss" | "refusal" | "unclear";

/** One thing that was looked at. */
export interface DirectoryFinding {
  /** What was looked at. */
  readonly topic: FindingTopic;
  /** What follows for a stream. */
  readonly effect: FindingEffect;
  /** What was found, what follows from it, and what can be done, for people. It holds no value of an entry. */
  readonly message: string;
}

/** What a dialect is given to look at a server. */
export interface Inspecting {
  readonly connection: LdapConnection;
  readonly rootDse: RootDse;
  readonly content: Content;
  readonly deletions: DeletionPolicy;
  /** Whom the server takes the client for, such as `dn:cn=reader,dc=example,dc=com`; undefined if it does not say. */
  readonly account: string | undefined;
  readonly signal: AbortSignal;
  /** Whether this attribute is read of entries. */
  reads(attribute: string): boolean;
  /** Counts the entries of the content, by a plain search, and finds what limits that. */
  count(): Promise<DirectoryFinding>;
}

/** How a server of a dialect is looked at. */
export interface DialectInspection {
  /** What such servers are called. */
  readonly kind: string;
  /** Why a server is taken for one. */
  readonly reason: string;
  /** What the account may not see, and what that costs. An error of the server stands for a finding of its topic. */
  inspect(inspecting: Inspecting): readonly Probe[];
}

/** What is looked at, and how. */
export interface Probe {
  readonly topic: FindingTopic;
  look(): Promise<DirectoryFinding | undefined>;
}

/** A finding without consequences. */
export function fine(topic: FindingTopic, message: string): DirectoryFinding {
  return { topic, effect: "none", message };
}

/** What follows from how many entries the content has. */
export function contentFinding(count: number, words: string): DirectoryFinding {
  if (count > 0) return fine("content", words);
  return {
    topic: "content",
    effect: "unclear",
    message:
      "No entry is a user or a group: check the base, the filter and the classes of the profile, and whether the account " +
      "may read entries there.",
  };
}
