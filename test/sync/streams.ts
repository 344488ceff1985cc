import type {
  Change,
  ChangeBatch,
  ChangeStream,
  Delete,
  MemberChange,
  Name,
  Present,
  Sweep,
  Upsert,
} from "concordat/changes";
import {
  type Outcome,
  type RefusedChange,
  refusedChanges,
  type SynchronizeOptions,
  synchronize,
} from "concordat/sync";
import type { Target } from "./stores.js";

type UserUpsert = Extract<Upsert, { type: "User" }>;
type GroupUpsert = Extract<Upsert, { type: "Group" }>;

export function dn(key: string): Name {
  return { kind: "dn", key };
}

export function uid(key: string): Name {
  return { kind: "uid", key };
}

export function id(key: string): Name {
  return { kind: "id", key };
}

/** A person as a directory states one: `cn=<name>` and `uid` are the names by which groups refer to it. */
export function person(
  sourceId: string,
  userName: string,
  more: Partial<Omit<UserUpsert, "kind" | "type" | "sourceId">> = {},
): UserUpsert {
  return {
    kind: "upsert",
    type: "User",
    sourceId,
    names: [dn(`cn=${userName}`), uid(userName)],
    complete: true,
    ...more,
    resource: { userName, active: true, ...more.resource },
  };
}

/** A part of a person's entry: what is not named did not change. */
export function partOfPerson(
  sourceId: string,
  resource: UserUpsert["resource"],
  more: Partial<UserUpsert> = {},
): UserUpsert {
  return {
    kind: "upsert",
    type: "User",
    sourceId,
    names: [],
    complete: false,
    ...more,
    resource,
  };
}

/** A group and everybody that it refers to. */
export function team(
  sourceId: string,
  displayName: string,
  members: readonly Name[],
  more: Partial<Omit<GroupUpsert, "kind" | "type" | "sourceId">> = {},
): GroupUpsert {
  return {
    kind: "upsert",
    type: "Group",
    sourceId,
    names: [dn(`cn=${displayName}`)],
    resource: { displayName },
    complete: true,
    members: { kind: "all", members },
    ...more,
  };
}

/** What came to a group and what left it. */
export function membersOf(
  sourceId: string,
  { add = [], remove = [] }: Partial<Extract<MemberChange, { kind: "delta" }>>,
): GroupUpsert {
  return {
    kind: "upsert",
    type: "Group",
    sourceId,
    names: [],
    resource: {},
    complete: false,
    members: { kind: "delta", add, remove },
  };
}

export function gone(sourceId: string, stamp?: string): Delete {
  return { kind: "delete", sourceId, ...(stamp === undefined ? {} : { stamp }) };
}

export function present(...entries: (string | Present["entries"][number])[]): Present {
  return {
    kind: "present",
    entries: entries.map((entry) => (typeof entry === "string" ? { sourceId: entry } : entry)),
  };
}

export const sweep: Sweep = { kind: "sweep" };

/** A whole refresh: what it mentions, and the end that says what it did not. */
export function refresh(
  changes: readonly Change[],
  {
    phase = "snapshot",
    swept = true,
    checkpoint = "refreshed",
  }: { phase?: "snapshot" | "reconcile"; swept?: boolean; checkpoint?: string } = {},
): readonly ChangeBatch[] {
  return [
    { phase, refresh: "begins", changes: [] },
    { phase, refresh: "continues", changes },
    { phase, refresh: "ends", changes: swept ? [sweep] : [], checkpoint },
  ];
}

export function live(changes: readonly Change[], checkpoint?: string): ChangeBatch {
  return { phase: "live", changes, ...(checkpoint === undefined ? {} : { checkpoint }) };
}

export interface ScriptedStream extends ChangeStream {
  /** Where each reader began. */
  readonly readFrom: readonly (string | undefined)[];
}

/** A stream that yields these batches, from wherever it is read, and ends. */
export function scripted(batches: Iterable<ChangeBatch>, source = "directory"): ScriptedStream {
  const readFrom: (string | undefined)[] = [];
  return {
    source,
    readFrom,
    async *read({ after, signal } = {}) {
      readFrom.push(after);
      for (const batch of batches) {
        signal?.throwIfAborted();
        yield batch;
      }
    },
  };
}

/** A stream that is resumed behind the batch whose checkpoint is known, and else begins anew. */
export function resumable(batches: readonly ChangeBatch[], source = "directory"): ScriptedStream {
  const readFrom: (string | undefined)[] = [];
  return {
    source,
    readFrom,
    async *read({ after, signal } = {}) {
      readFrom.push(after);
      const known = batches.findIndex((batch) => after !== undefined && batch.checkpoint === after);
      for (const batch of batches.slice(known + 1)) {
        signal?.throwIfAborted();
        yield batch;
      }
    },
  };
}

/** A stream that yields these batches and then waits for ever for the next. */
export function waiting(batches: readonly ChangeBatch[], source = "directory"): ScriptedStream {
  const stream = scripted(batches, source);
  return {
    ...stream,
    async *read(options = {}) {
      yield* stream.read(options);
      const { signal } = options;
      signal?.throwIfAborted();
      await new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
  };
}

/** What a short test asks for: no limit of removals, and waits that are over at once. */
export const quick: SynchronizeOptions = {
  maxDeletes: Number.POSITIVE_INFINITY,
  outages: { attempts: 3, delay: 1 },
};

/** Applies all of the stream. */
export async function follow(
  stream: ChangeStream,
  target: Target,
  options: SynchronizeOptions = {},
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const outcome of synchronize(stream, target, { ...quick, ...options })) {
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Applies batches as what the directory says next. @returns what was done, in words. */
export async function apply(
  target: Target,
  batches: readonly ChangeBatch[],
  options: SynchronizeOptions & { source?: string } = {},
): Promise<readonly string[]> {
  const { source, ...rest } = options;
  return inWords(await follow(scripted(batches, source), target, rest));
}

/** What is kept because the application refused it. */
export async function refused(target: Target): Promise<readonly RefusedChange[]> {
  const changes: RefusedChange[] = [];
  for await (const change of refusedChanges(target.links, "directory")) changes.push(change);
  return changes;
}

/** Outcomes in words, without those that only say how far the stream was followed. */
export function inWords(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes.flatMap((outcome) => {
    switch (outcome.kind) {
      case "refreshed":
      case "checkpoint":
        return [];
      case "memberAdded":
        return `${outcome.member.name} into ${outcome.group.name}`;
      case "memberRemoved":
        return `${outcome.member.name} out of ${outcome.group.name}`;
      case "memberDeferred":
        return `deferred ${outcome.member.name} and ${outcome.group.name}: ${outcome.code}`;
      case "memberIgnored":
        return `ignored ${outcome.reference.key} in ${outcome.group.name}: ${outcome.code}`;
      case "renamed":
        return `renamed ${outcome.from} to ${outcome.name}`;
      case "deferred":
        return `deferred ${outcome.name}: ${outcome.code}`;
      case "unreadable":
        return `unreadable ${outcome.sourceId}: ${outcome.code}`;
      case "standby":
      case "began":
      case "waiting":
      case "restarted":
      case "limited":
        return outcome.kind;
      default:
        return `${outcome.kind} ${outcome.name}`;
    }
  });
}
