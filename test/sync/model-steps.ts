import fc from "fast-check";
import type { Refint } from "./model-directory.js";

/** What happens next: in the directory, in the application, or between the two. */
export type ModelStep =
  | {
      readonly do: "create";
      readonly type: "User" | "Group";
      readonly name: number;
      readonly parent: 0 | 1;
      /** Whether its RDN says which of its values is the user name. */
      readonly isNamed: boolean;
    }
  | { readonly do: "delete" | "recreate" | "filter" | "activate" | "touch"; readonly entry: number }
  | {
      readonly do: "rename";
      readonly entry: number;
      readonly name: number;
      /** Whether the old name is kept beside. */
      readonly keeps: boolean;
    }
  | { readonly do: "toggleValue"; readonly entry: number; readonly name: number }
  | { readonly do: "move"; readonly entry: number }
  | { readonly do: "swap"; readonly entry: number; readonly other: number }
  | { readonly do: "renameParent"; readonly parent: 0 | 1 }
  | {
      readonly do: "editGroup";
      readonly group: number;
      readonly member: number;
      readonly kind: "dn" | "uid" | "alias" | "id";
    }
  | { readonly do: "setClock"; readonly by: number }
  | { readonly do: "backUp" | "restore" }
  /** The other server of the directory receives what it lacks, but for so many changes. */
  | { readonly do: "replicate"; readonly lag: number }
  /** The row with the position is lost, while nobody follows the stream. */
  | { readonly do: "loseCheckpoint" }
  | { readonly do: "refuse" | "accept"; readonly name: number }
  | { readonly do: "addLocally"; readonly group: number; readonly user: number }
  | { readonly do: "disableLocally" | "deleteLocally"; readonly user: number }
  | { readonly do: "wait" }
  | {
      readonly do: "deliver";
      readonly count: number;
      readonly duplicated: boolean;
      readonly dropped: boolean;
    }
  | {
      readonly do: "reconnect";
      readonly how: "delta" | "present" | "full";
      readonly server: "first" | "mirror";
    }
  | { readonly do: "reconcile"; readonly stale: boolean };

export interface ModelRun {
  /**
   * `plain`: a stream of which stamps decide what is newer. `server`: one that says what the server holds and in which
   * order changes come, of a server whose clock is set and that is restored from a backup. `servers`: one of two
   * servers, the second of which lags behind the first.
   */
  readonly source: "plain" | "server" | "servers";
  readonly refint: Refint;
  readonly dangling: "keep" | "drop";
  readonly nested: "keep" | "flatten";
  readonly onDelete: "deactivate" | "delete";
  readonly match: boolean;
  readonly batchSize: number;
  readonly steps: readonly ModelStep[];
  /** What happens each time after the process has ended. */
  readonly whileDown: readonly ModelStep[];
  /** After how many writes the process ends, each counted from where the one before began. */
  readonly crashes: readonly number[];
  /** After how many writes of a process another one begins to follow the stream beside it. */
  readonly rivals: readonly number[];
  /** How long each of two processes waits before a call, in turns of the event loop. */
  readonly turns: readonly number[];
  /** The numbers of the writes that fail once, for the store to answer the next time. */
  readonly outages: readonly number[];
  /** The numbers of the times at which groups cannot be read again. */
  readonly unread: readonly number[];
}

const pick = fc.nat({ max: 11 });
const parent = fc.constantFrom(0 as const, 1 as const);
const name = fc.nat({ max: 5 });

const inDirectory = [
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("create"),
      type: fc.constantFrom("User", "User", "Group"),
      name,
      parent,
      isNamed: fc.constantFrom(true, true, false),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("delete", "recreate", "filter", "activate", "touch"),
      entry: pick,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("rename"), entry: pick, name, keeps: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("toggleValue"), entry: pick, name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("move"), entry: pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("swap"), entry: pick, other: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("renameParent"), parent }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant("editGroup"),
      group: pick,
      member: pick,
      kind: fc.constantFrom("dn", "dn", "uid", "alias", "id"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("setClock"), by: fc.constantFrom(-3, -20, -500, 500) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("backUp", "restore") }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("replicate"), lag: fc.nat({ max: 6 }) }),
  },
] as const;

const besides = [
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("refuse", "accept"), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("addLocally"), group: pick, user: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("disableLocally", "deleteLocally"), user: pick }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait") }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("deliver"),
      count: fc.integer({ min: 1, max: 6 }),
      duplicated: fc.boolean(),
      dropped: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("reconnect"),
      how: fc.constantFrom("delta", "present", "full"),
      server: fc.constantFrom("first", "mirror"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reconcile"), stale: fc.boolean() }) },
] as const;

const change = fc.oneof(...inDirectory, {
  weight: 2,
  arbitrary: fc.record({ do: fc.constant("loseCheckpoint") }),
}) as fc.Arbitrary<ModelStep>;
const step = fc.oneof(...inDirectory, ...besides) as fc.Arbitrary<ModelStep>;

/** Runs of the model. */
export const modelRun: fc.Arbitrary<ModelRun> = fc.record({
  source: fc.constantFrom("plain", "server", "servers"),
  refint: fc.constantFrom("off", "told", "silent"),
  dangling: fc.constantFrom("keep", "drop"),
  nested: fc.constantFrom("keep", "flatten"),
  onDelete: fc.constantFrom("deactivate", "delete"),
  match: fc.boolean(),
  batchSize: fc.integer({ min: 1, max: 8 }),
  steps: fc.array(step, { minLength: 5, maxLength: 70, size: "max" }),
  whileDown: fc.array(change, { maxLength: 8, size: "max" }),
  crashes: fc.array(fc.nat({ max: 60 }), { maxLength: 8, size: "max" }),
  rivals: fc.oneof(fc.constant([]), fc.array(fc.nat({ max: 60 }), { maxLength: 4 })),
  turns: fc.array(fc.oneof(fc.nat({ max: 3 }), fc.constant(30)), { minLength: 1, maxLength: 12 }),
  outages: fc.array(fc.nat({ max: 400 }), { maxLength: 3 }),
  unread: fc.array(fc.nat({ max: 8 }), { maxLength: 6 }),
});
