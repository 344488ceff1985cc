import type { SpoiltCookie } from "concordat/testing/directory";
import fc from "fast-check";

/** Something that happens to an entry, which is picked from those that there are. */
export type Operation =
  | { readonly do: "addUser" | "addGroup"; readonly name: number; readonly parent: 0 | 1 }
  | {
      readonly do: "touch" | "delete" | "recreate" | "leaveOrReturn" | "disableOrEnable" | "move";
      readonly entry: number;
    }
  | { readonly do: "rename"; readonly entry: number; readonly name: number }
  | { readonly do: "swap"; readonly entry: number; readonly other: number }
  | { readonly do: "joinOrLeave"; readonly group: number; readonly member: number }
  | { readonly do: "renameParent" | "moveParent"; readonly parent: 0 | 1 }
  | { readonly do: "toggleUid"; readonly entry: number; readonly name: number }
  | { readonly do: "touchOutside" | "touchEverything" };

/** Something that goes wrong. */
export type Fault =
  | {
      readonly fault: "drop";
      readonly of: "all" | "refresh" | "live";
      readonly afterMessages: number;
      readonly afterBytes: number;
    }
  | { readonly fault: "refuse"; readonly code: 4096 | 53 }
  | { readonly fault: "ignoreCookie" | "stopSending" | "stopReading" | "sendSlowly" }
  | { readonly fault: "spoil"; readonly how: SpoiltCookie; readonly count: number }
  | { readonly fault: "trimLog"; readonly keep: number }
  | { readonly fault: "restart"; readonly keepLog: boolean }
  /** The consumer is stopped, and started again when so many steps have been taken; perhaps its position is lost meanwhile. */
  | { readonly fault: "stopConsumer"; readonly steps: number; readonly losesPosition: boolean }
  /** Another consumer begins to follow beside it. */
  | { readonly fault: "takeOver" }
  | { readonly fault: "setClock"; readonly by: number }
  | { readonly fault: "backUp" | "restore" };

/** What happens next. */
export type Step =
  /** In the directory: at once, while the next refresh is sent, begun now and overtaken by so many steps, or by these operations. */
  | { readonly kind: "operation"; readonly operation: Operation; readonly server: 1 | 2 }
  | {
      readonly kind: "duringRefresh";
      readonly operations: readonly Operation[];
      readonly afterMessages: number;
    }
  | { readonly kind: "delayed"; readonly operation: Operation; readonly steps: number }
  | {
      readonly kind: "overtaken";
      readonly operation: Operation;
      readonly by: readonly Operation[];
      /** Whether that is while the consumer is stopped. */
      readonly unseen: boolean;
    }
  | { readonly kind: "fault"; readonly fault: Fault }
  /** In the application. */
  | { readonly kind: "addLocally"; readonly group: number }
  | { readonly kind: "disableLocally"; readonly user: number }
  /** Everybody works on for so many turns, or until the consumer knows all. */
  | { readonly kind: "turns"; readonly count: number }
  | { readonly kind: "catchUp" };

/** A directory, a consumer, and what happens to both. */
export interface Run {
  readonly seed: number;
  readonly sessionLog: number;
  readonly serverId: 0 | 1;
  readonly reloadHint: boolean;
  /** Whether all entries may be newer than a cookie, which has everything sent; or whether the server may send everything for no reason. */
  readonly reloads: boolean;
  /** Whether parents are renamed, of which nobody is told, so that all names have to be compared in the end. */
  readonly renamesParents: boolean;
  /** Whether the clock of the directory is set, and backups are restored, so that all is compared in the end. */
  readonly goesBack: boolean;
  readonly bareCookies: number;
  readonly refint: boolean | "replicated";
  readonly dangling: "keep" | "drop";
  readonly nested: "keep" | "flatten";
  readonly onDelete: "deactivate" | "delete";
  readonly mode: "refreshAndPersist" | "refreshOnly";
  readonly transactions: boolean;
  readonly batchSize: number;
  /** How many steps happen before the consumer is started. */
  readonly before: number;
  readonly steps: readonly Step[];
  /** Whether the consumer is stopped and started once more at the end, or just follows. */
  readonly resumes: boolean;
  /** After how many writes the consumer crashes, each counted from its start. */
  readonly crashes: readonly number[];
  /** Between which writes of the consumer steps happen: at each number, in turn, so many writes after the one before. */
  readonly between: readonly number[];
}

const pick = fc.nat({ max: 11 });
const parent = fc.constantFrom(0 as const, 1 as const);
const name = fc.nat({ max: 5 });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom("addUser", "addUser", "addGroup"), name, parent }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "touch",
        "delete",
        "delete",
        "recreate",
        "leaveOrReturn",
        "disableOrEnable",
        "move",
      ),
      entry: pick,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("rename"), entry: pick, name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("swap"), entry: pick, other: pick }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("joinOrLeave"), group: pick, member: pick }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("renameParent", "moveParent"), parent }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("toggleUid"), entry: pick, name }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("touchOutside", "touchOutside", "touchEverything"),
    }),
  },
) as fc.Arbitrary<Operation>;

const leaving = fc.record({ do: fc.constantFrom("delete", "leaveOrReturn"), entry: pick });

const fault: fc.Arbitrary<Fault> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      fault: fc.constant("drop"),
      of: fc.constantFrom("all", "refresh", "live"),
      afterMessages: fc.nat({ max: 6 }),
      afterBytes: fc.oneof(fc.constant(0), fc.nat({ max: 300 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fault: fc.constant("refuse"), code: fc.constantFrom(4096, 53) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      fault: fc.constantFrom("ignoreCookie", "stopSending", "stopReading", "sendSlowly"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      fault: fc.constant("stopConsumer"),
      steps: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 })),
      losesPosition: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 2, arbitrary: fc.record({ fault: fc.constant("takeOver") }) },
  {
    weight: 1,
    arbitrary: fc.record({
      fault: fc.constant("setClock"),
      by: fc.constantFrom(-3_000, -7_200_000, 7_200_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ fault: fc.constantFrom("backUp", "restore") }) },
  {
    weight: 2,
    arbitrary: fc.record({
      fault: fc.constant("spoil"),
      how: fc.constantFrom("bare", "garbage", "empty"),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fault: fc.constant("trimLog"), keep: fc.nat({ max: 2 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ fault: fc.constant("restart"), keepLog: fc.boolean() }),
  },
) as fc.Arbitrary<Fault>;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("operation"),
      operation,
      server: fc.constantFrom(1, 1, 1, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("duringRefresh"),
      operations: fc.array(operation, { minLength: 1, maxLength: 3 }),
      afterMessages: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("delayed"),
      operation,
      steps: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("overtaken"),
      operation: fc.oneof(operation, fc.record({ do: fc.constant("touch"), entry: pick })),
      by: fc.array(fc.oneof(operation, leaving), { minLength: 1, maxLength: 3 }),
      unseen: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("fault"), fault }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("addLocally"), group: pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("disableLocally"), user: pick }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("turns"), count: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("catchUp") }) },
) as fc.Arbitrary<Step>;

/** Whether groups follow their members' names, and what the consumer makes of names that nobody has. */
const references = fc.constantFrom(
  { refint: true, dangling: "keep" } as const,
  { refint: "replicated", dangling: "keep" } as const,
  { refint: "replicated", dangling: "drop" } as const,
  { refint: false, dangling: "keep" } as const,
  { refint: false, dangling: "drop" } as const,
);

/** Runs of the whole way, from a directory to an application. */
export const anyRun: fc.Arbitrary<Run> = fc
  .record({
    seed: fc.nat(),
    sessionLog: fc.constantFrom(0, 3, 1000, 1000, 1000),
    serverId: fc.constantFrom(0, 1),
    reloadHint: fc.boolean(),
    reloads: fc.boolean(),
    renamesParents: fc.constantFrom(true, false, false),
    goesBack: fc.constantFrom(true, false, false),
    bareCookies: fc.constantFrom(0, 0, 0.3),
    references,
    nested: fc.constantFrom("keep", "flatten"),
    onDelete: fc.constantFrom("deactivate", "delete"),
    mode: fc.constantFrom("refreshAndPersist", "refreshAndPersist", "refreshOnly"),
    transactions: fc.boolean(),
    batchSize: fc.constantFrom(1, 2, 5, 500),
    before: fc.nat({ max: 12 }),
    steps: fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
    resumes: fc.boolean(),
    crashes: fc.array(fc.nat({ max: 60 }), { maxLength: 5 }),
    between: fc.array(fc.integer({ min: 1, max: 25 }), { maxLength: 12 }),
  })
  .map(({ references: { refint, dangling }, ...run }) => ({
    ...run,
    refint,
    dangling,
  })) as fc.Arbitrary<Run>;
