import type { Client } from "ldapts";
import type { Access } from "../logged-client.js";

/** What the application is to have of a directory: people by their uids, groups by their names. */
export interface ExpectedContent {
  readonly users: ReadonlyMap<string, { readonly title: string; readonly active: boolean }>;
  /** The names of the members that are there. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

/** A real server of one kind, with all that {@link runReader} asks of it. */
export interface LossDirectory extends AsyncDisposable {
  /** The profile that the consumer reads it with: a name in `consumer.ts`. */
  readonly profile: string;
  readonly url: string;
  /** As whom to write. */
  readonly admin: Access;
  /** As whom to read. */
  readonly reader: { readonly dn: string; readonly password: string };
  readonly base: string;
  /** The tree in which everything is, inside and outside. */
  readonly top: string;
  /** Where people may be whom the application knows, and where those whom it does not. */
  readonly containers: { readonly inside: readonly string[]; readonly outside: readonly string[] };
  readonly groupsBelow: string;
  /** A name of a person below a container. */
  personDn(uid: string, container: string): string;
  addPerson(client: Client, uid: string, container: string): Promise<void>;
  addGroup(client: Client, cn: string, members: readonly string[]): Promise<void>;
  /** Locks an account, or unlocks it. */
  lock(client: Client, dn: string, isLocked: boolean): Promise<void>;
  /** All that the application is to know of. */
  read(client: Client): Promise<ExpectedContent>;
  stop(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  start(): Promise<void>;
}

/** A kind of server that has a reader of its own. */
export interface LossKind {
  readonly name: string;
  /** `describe`, or something that says what to install. */
  describe(name: string, body: () => void): void;
  start(): Promise<LossDirectory>;
}
