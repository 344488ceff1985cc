import type { Change, ChangeBatch, ChangeStream, Upsert } from "concordat/changes";
import type { DirectoryEvent, ModelDirectory } from "./model-directory.js";
import type { DirectoryState, Entry } from "./model-state.js";
import type { ModelRun, ModelStep } from "./model-steps.js";
import { gone, present, sweep } from "./streams.js";

/** What a stream has to do with the world around it. */
export interface Surroundings {
  readonly run: ModelRun;
  readonly directory: ModelDirectory;
  /** Up to which event another server holds what the first one does. */
  mirrorAt: number;
  /** Entries of which a change was never delivered. */
  readonly missed: Set<string>;
  /** Entries that a refresh has told later than where its live changes began, so that these are told once more. */
  readonly toldAhead: Set<string>;
  /** What is to happen next, which may be put off until the stream is asked for it. */
  readonly next: ModelStep | undefined;
  take(): ModelStep | undefined;
  act(step: ModelStep): Promise<void>;
  /** Whether entries can be read beside the stream now. */
  canReread(): boolean;
  /** A process goes on from a position. */
  resumes(checkpoint: string): Promise<void>;
  /** Nothing more is to come, and everything is accepted. */
  calmDown(): void;
  /** Whether the last comparison states groups that were rewritten in silence. Default `true`. */
  readonly tellsRewritten?: boolean;
}

type Server = "first" | "mirror";
type Kind = "full" | "delta" | "present";

/** The last stamp that there can be. */
const endOfTime = (server: string) => `999999999#999999999#${server}#ffffff`;

/** One process's connections to the directory, one after the other. */
export class ModelStream implements ChangeStream {
  readonly source = "directory";
  readonly #world: Surroundings;
  #server: Server = "first";
  /** Up to which stamp everything was told. */
  #cookie = "";
  /** Up to which event. */
  #at = 0;
  /** What was known when the connection was made, where the server does not hold it yet. */
  #ahead: string | undefined;
  /** Up to which stamp the server has said that it holds everything. */
  #held = "";
  /** The first event that the server remembered when the connection was made. */
  #startedAt = 0;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  async *read({ after }: { after?: string } = {}): AsyncGenerator<ChangeBatch, void> {
    const world = this.#world;
    this.#cookie = after ?? "";
    if (after !== undefined) await world.resumes(after);
    // Where nothing more is to come, a refresh that says everything may be the only one.
    if (world.next === undefined && (after === undefined || digitOf(after) === 3)) {
      yield* this.#finish(true);
      return;
    }
    const resumed = digitOf(after) === 1 ? "present" : "delta";
    const server = digitOf(after) % 3 === 0 ? "mirror" : "first";
    yield* this.#connect(after === undefined ? "full" : resumed, server);
    for (let step = world.take(); step !== undefined; step = world.take()) {
      if (step.do === "reconnect") {
        yield* this.#connect(step.how, step.server);
        continue;
      }
      if (this.#isCut) yield* this.#connect(resumed, server);
      if (step.do === "deliver") yield* this.#deliver(step);
      else if (step.do === "reconcile") yield* this.#reconcile(step.stale);
      else await world.act(step);
    }
    yield* this.#finish(world.run.batchSize % 2 === 0);
  }

  async reread(sourceIds: readonly string[]): Promise<readonly Upsert[]> {
    await this.#actMeanwhile();
    if (!this.#world.canReread()) throw new Error("The connection was cut.");
    const content = this.#content;
    return content
      .content()
      .filter((entry) => sourceIds.includes(entry.id))
      .map((entry) => content.stated(entry));
  }

  /** Whether it says how changes are ordered and what the server holds, as `watchDirectory` does. */
  get #saysMore(): boolean {
    return this.#world.run.source !== "plain";
  }

  /** What the server holds that it is connected to. */
  get #content(): DirectoryState {
    const { directory, mirrorAt } = this.#world;
    return this.#server === "mirror" ? directory.stateAfter(mirrorAt) : directory.state;
  }

  /** The server was started anew, from a backup. */
  get #isCut(): boolean {
    return this.#startedAt !== this.#world.directory.rememberedFrom;
  }

  #begins(phase: "snapshot" | "reconcile"): ChangeBatch {
    if (!this.#saysMore) return { phase, refresh: "begins", changes: [] };
    const others = this.#held === "" ? [] : [this.#held];
    const isMirror = this.#server === "mirror";
    const state = isMirror ? [...others, endOfTime("002")] : [endOfTime("001")];
    return { phase, refresh: "begins", changes: [], state };
  }

  #sweep(stamp: string): Change {
    return this.#saysMore && stamp !== "" ? { ...sweep, stamp } : sweep;
  }

  /** One refresh that says everything, with nothing more to come. */
  async *#finish(anew: boolean): AsyncGenerator<ChangeBatch, void> {
    this.#world.calmDown();
    if (anew) yield* this.#connect("full", "first");
    else {
      if (this.#isCut || this.#server === "mirror") yield* this.#connect("present", "first");
      yield* this.#reconcile(false);
    }
  }

  async *#connect(kind: Kind, server: Server): AsyncGenerator<ChangeBatch, void> {
    const world = this.#world;
    const { directory, run } = world;
    this.#server = run.source === "servers" ? server : "first";
    this.#startedAt = directory.rememberedFrom;
    // A server has no use for a state that is later than its own.
    const isRefused = this.#server === "first" && this.#cookie > directory.stamp;
    const how = isRefused ? "full" : kind;
    if (how === "full") this.#cookie = "";
    this.#held = this.#content.stamp;
    this.#ahead = this.#cookie > this.#held ? this.#cookie : undefined;
    yield* this.#refresh(how);
  }

  async *#refresh(how: Kind): AsyncGenerator<ChangeBatch, void> {
    const { directory, mirrorAt } = this.#world;
    const since = this.#cookie;
    const content = this.#content;
    const at = this.#server === "mirror" ? mirrorAt : directory.events.length;
    const checkpoint = later(since, content.stamp);
    this.#at = at;
    const listed = content.content().map((entry) => entry.id);
    const deleted = new Map(
      directory.events
        .slice(directory.rememberedFrom, at)
        .flatMap(({ id, stamp, upsert }) =>
          upsert === undefined && stamp > since ? [[id, stamp] as const] : [],
        ),
    );
    const phase = "snapshot";
    yield this.#begins(phase);
    for (const ids of this.#inBatches(listed)) {
      await this.#actMeanwhile();
      if (this.#isCut) return;
      const changes = ids.flatMap((id): Change[] => {
        const entry = content.entries.get(id);
        if (entry === undefined || !entry.inContent) {
          // It has gone meanwhile, which is still to be told.
          this.#world.toldAhead.add(id);
          return [];
        }
        if (entry.stamp > checkpoint) this.#world.toldAhead.add(id);
        if (how === "full" || entry.stamp > since) return [content.stated(entry)];
        return how === "present" ? [present(id)] : [];
      });
      yield { phase, refresh: "continues", changes };
    }
    const isGone = (id: string): boolean => content.entries.get(id)?.inContent !== true;
    // Half of the deletes are lost on purpose, for the second pass to find.
    const told = [...deleted].filter(([id], index) => isGone(id) && index % 2 === 0);
    const stampOf = (stamp: string) => (this.#saysMore ? stamp : undefined);
    const deletes = told.map(([id, stamp]) => gone(id, stampOf(stamp)));
    const changes = how === "delta" ? deletes : [this.#sweep(checkpoint)];
    yield { phase, refresh: "ends", changes, checkpoint };
    this.#cookie = checkpoint;
    if (how === "delta") yield* this.#reconcile(false);
  }

  /** Says what there is, while live changes may go on; `stale`: as it was when the comparison began. */
  async *#reconcile(stale: boolean): AsyncGenerator<ChangeBatch, void> {
    const phase = "reconcile";
    const content = this.#content;
    const known = this.#cookie;
    // What has gone and is still to be told so is swept before.
    for (const { id, upsert } of this.#world.directory.events.slice(this.#at)) {
      if (upsert === undefined) this.#world.toldAhead.add(id);
    }
    const listed = content.content().map((entry) => this.#compared(content, entry, known));
    yield this.#begins(phase);
    for (const changes of this.#inBatches(listed)) {
      if (stale) {
        await this.#actMeanwhile();
        if (this.#isCut) return;
        const { next } = this.#world;
        if (next?.do === "deliver") {
          this.#world.take();
          yield* this.#deliver(next, false);
        }
      }
      yield { phase, refresh: "continues", changes: changes.map(this.#asItIsSent) };
    }
    const position = this.#saysMore ? { checkpoint: this.#cookie } : {};
    yield { phase, refresh: "ends", changes: [this.#sweep(this.#cookie)], ...position };
  }

  /** Members that are rewritten without an event are those of the moment at which the entry is sent. */
  readonly #asItIsSent = (change: Change): Change => {
    if (this.#world.run.refint !== "silent" || change.kind !== "upsert") return change;
    const entry = this.#content.entries.get(change.sourceId);
    if (entry === undefined || change.type !== "Group") return change;
    return { ...change, members: { kind: "all", members: [...entry.members] } };
  };

  #compared(content: DirectoryState, entry: Entry, known: string): Change {
    const { run, next, missed } = this.#world;
    // What is rewritten without a stamp is seen by nobody who does not read it, so the last comparison reads it.
    const isLast = next === undefined;
    const isRead = isLast && this.#world.tellsRewritten !== false;
    const isRewritten = run.refint === "silent" && entry.type === "Group" && isRead;
    const isNews = entry.stamp > known;
    const isTold = this.#saysMore ? isRewritten : isNews || missed.has(entry.id) || isRewritten;
    if (isTold) return content.stated(entry);
    const { id: sourceId, stamp } = entry;
    // Of what is on its way, a list of names says that it is there.
    if (isNews && !isLast) return present({ sourceId });
    return present({ sourceId, names: content.namesOf(entry), stamp });
  }

  /** Delivers the next changes, perhaps with the last of those before them, perhaps without the first. */
  async *#deliver(
    step: Extract<ModelStep, { do: "deliver" }>,
    mayCompare = true,
  ): AsyncGenerator<ChangeBatch, void> {
    const world = this.#world;
    const { events } = world.directory;
    const until = Math.min(events.length, this.#at + step.count);
    const next = events.slice(this.#at, until);
    const [lost] = next;
    if (lost === undefined) return;
    if (step.dropped) {
      next.shift();
      world.missed.add(lost.id);
    }
    const isRepeated = step.duplicated && !this.#saysMore;
    const again = isRepeated ? events.slice(Math.max(0, this.#at - 3), this.#at) : [];
    for (const some of this.#inBatches([...again, ...next])) {
      const ordered = this.#saysMore && this.#ahead === undefined;
      const last = some.at(-1);
      if (last !== undefined) this.#deliveredTo(last);
      const changes = some.map(changeOf).map(this.#asItIsSent);
      yield {
        phase: "live",
        ...(ordered ? { ordered } : {}),
        changes,
        checkpoint: this.#cookie,
      };
    }
    const last = events[until - 1];
    if (last !== undefined) this.#deliveredTo(last);
    if (this.#ahead === undefined || this.#ahead > this.#held) return;
    // What it did not hold could not be compared before.
    this.#ahead = undefined;
    if (mayCompare) yield* this.#reconcile(false);
  }

  #deliveredTo({ number, stamp }: DirectoryEvent): void {
    const world = this.#world;
    this.#cookie = later(this.#cookie, stamp);
    this.#held = later(this.#held, stamp);
    this.#at = Math.max(this.#at, number + 1);
    if (this.#server === "mirror") world.mirrorAt = Math.max(world.mirrorAt, this.#at);
  }

  *#inBatches<T>(list: readonly T[]): Generator<readonly T[]> {
    const { batchSize } = this.#world.run;
    for (let from = 0; from < list.length; from += batchSize)
      yield list.slice(from, from + batchSize);
  }

  /** Something may happen in the directory while it is read. */
  async #actMeanwhile(): Promise<void> {
    const { next } = this.#world;
    if (next === undefined || ["deliver", "reconnect", "reconcile"].includes(next.do)) return;
    this.#world.take();
    await this.#world.act(next);
  }
}

function changeOf({ id, stamp, upsert }: DirectoryEvent): Change {
  return upsert ?? gone(id, stamp);
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}

/** A digit of a stamp, by which it is chosen what happens at a resume. */
function digitOf(stamp: string | undefined): number {
  return Number(stamp?.split("#")[1] ?? 0) % 10;
}
