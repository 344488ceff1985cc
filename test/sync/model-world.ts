import { InvalidValueError, UnavailableError } from "concordat";
import type { Change, ChangeBatch, ChangeStream } from "concordat/changes";
import { synchronize } from "concordat/sync";
import { type DirectoryEvent, type Entry, ModelDirectory } from "./model-directory.js";
import type { ModelRun, ModelStep } from "./model-steps.js";
import { type Call, type Interruption, interferedWith, type Target } from "./stores.js";
import { gone, live, present, sweep } from "./streams.js";

/** The process in which synchronisation ran has ended, and nothing that it began is finished. */
class ProcessEnded extends Error {}

const userNames = ["n0", "n1", "n2", "n3", "n4", "n5"] as const;
const groupNames = ["g0", "g1", "g2", "g3", "g4", "g5"] as const;

const writes = {
  users: ["write", "create", "replace", "modify", "delete"],
  groups: ["write", "create", "replace", "modify", "delete", "changeMembers"],
  links: ["save", "markSeen", "markUnsettled", "remove", "setNames"],
  memberships: ["saveReferences", "removeReferences", "saveGrants", "removeGrants"],
  checkpoints: ["save"],
} as const;

/** A membership by the ids of the application. */
export interface LocalMembership {
  readonly group: string;
  readonly member: string;
}

/** A directory, an application with people of its own in it, and a synchronisation that is interrupted. */
export class ModelWorld {
  readonly run: ModelRun;
  readonly target: Target;
  readonly directory: ModelDirectory;
  /** Accounts that the application had before. */
  readonly localUsers: Set<string> = new Set();
  readonly localMemberships: LocalMembership[] = [];
  /** Accounts that somebody in the application disabled. */
  readonly blocked: Set<string> = new Set();
  crashes = 0;
  writes = 0;
  readonly #refusedNames = new Set<string>();
  /** Entries of which a change was never delivered. */
  readonly #missed = new Set<string>();
  readonly #steps: ModelStep[];
  readonly #whileDown: ModelStep[];
  #time = 0;
  #rereads = 0;
  /** Everything up to here was delivered. */
  #delivered = "";
  /** Nothing that a crash interrupted is still to be done again. */
  #calm = true;

  constructor(run: ModelRun, target: Target) {
    this.run = run;
    this.target = target;
    this.directory = new ModelDirectory(run.refint);
    this.#steps = [...run.steps];
    this.#whileDown = [...run.whileDown];
  }

  /** Lets everything happen, until a refresh has completed with nothing more to come. */
  async live(): Promise<void> {
    const local = await this.target.users.create({ userName: userNames[0] });
    this.localUsers.add(local.id);
    const { nested, dangling, onDelete, match } = this.run;
    const crashes = [...this.run.crashes];
    for (;;) {
      try {
        const outcomes = synchronize(this.#stream(), this.#mortal(crashes.shift()), {
          nested,
          dangling,
          onDelete,
          match: match ? { users: "userName" } : {},
          maxDeletes: Number.POSITIVE_INFINITY,
          outages: { attempts: 5, delay: 0 },
          now: () => this.#time,
        });
        for await (const outcome of outcomes) if (outcome.kind === "refreshed") this.#calm = true;
        return;
      } catch (error) {
        if (!(error instanceof ProcessEnded)) throw error;
        this.crashes++;
        this.#calm = false;
        const meanwhile = this.#whileDown.shift();
        if (meanwhile !== undefined) await this.#act(meanwhile);
      }
    }
  }

  /** The stores as one process sees them, which ends before its write of this number. */
  #mortal(life: number | undefined): Target {
    let left = life;
    const bare = this.target.transaction === undefined;
    const interrupt = ({ store, method, args }: Call): Interruption | undefined => {
      if (!(writes[store] as readonly string[]).includes(method)) return undefined;
      if (left !== undefined && left-- <= 0) {
        const many = args[1];
        const half = bare && left === -1 && Array.isArray(many) && many.length > 1;
        const part = half
          ? { part: [args[0], many.slice(0, many.length / 2), ...args.slice(2)] }
          : {};
        return { ...part, error: new ProcessEnded() };
      }
      const failing = this.run.outages.includes(this.writes++);
      return failing ? { error: new UnavailableError("It does not answer.") } : undefined;
    };
    const before = (): void => {
      if (left !== undefined && left < 0) throw new ProcessEnded();
    };
    const refuse = ({ store, method, args }: Call): Error | undefined => {
      if (method !== "write" || (store !== "users" && store !== "groups")) return undefined;
      const text = JSON.stringify(args);
      const name = [...this.#refusedNames].find((each) => text.includes(`"${each}"`));
      return name === undefined ? name : new InvalidValueError("name", `"${name}" is refused.`);
    };
    return interferedWith(this.target, { before, interrupt, refuse });
  }

  #stream(): ChangeStream {
    return {
      source: "directory",
      read: ({ after } = {}) => this.#read(after),
      reread: async (sourceIds) => {
        await this.#actMeanwhile();
        if (this.#steps.length > 0 && this.run.unread.includes(this.#rereads++)) {
          throw new Error("The connection was cut.");
        }
        return this.directory
          .content()
          .filter((entry) => sourceIds.includes(entry.id))
          .map((entry) => this.directory.stated(entry));
      },
    };
  }

  async *#read(after: string | undefined): AsyncGenerator<ChangeBatch, void> {
    // Where nothing more is to come, a refresh that says everything may be the only one.
    if (this.#steps.length === 0 && (after === undefined || after.endsWith("3"))) {
      yield* this.#finish(true);
      return;
    }
    const resumed = after?.endsWith("1") === true ? "present" : "delta";
    yield* this.#refresh(after, after === undefined ? "full" : resumed);
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
      if (step.do === "deliver") yield* this.#deliver(step);
      else if (step.do === "reconnect") yield* this.#refresh(this.#delivered, step.how);
      else if (step.do === "reconcile") yield* this.#reconcile(step.stale);
      else await this.#act(step);
    }
    yield* this.#finish(this.run.batchSize % 2 === 0);
  }

  /** One refresh that says everything, with nothing more to come. */
  async *#finish(anew: boolean): AsyncGenerator<ChangeBatch, void> {
    this.#refusedNames.clear();
    if (anew) yield* this.#refresh(undefined, "full");
    else yield* this.#reconcile(false);
  }

  async *#refresh(
    after: string | undefined,
    how: "full" | "delta" | "present",
  ): AsyncGenerator<ChangeBatch, void> {
    const since = after ?? "";
    const checkpoint = this.directory.stamp;
    this.#delivered = since;
    const listed = this.directory.content().map((entry) => entry.id);
    const deleted = new Set(
      this.directory.events.flatMap(({ id, stamp, upsert }) =>
        upsert === undefined && stamp > since ? [id] : [],
      ),
    );
    const phase = "snapshot";
    yield { phase, refresh: "begins", changes: [] };
    for (const ids of this.#inBatches(listed)) {
      await this.#actMeanwhile();
      const changes = ids.flatMap((id): Change[] => {
        const entry = this.directory.entries.get(id);
        if (entry === undefined || !entry.inContent) return [];
        if (how === "full" || entry.stamp > since) return [this.directory.stated(entry)];
        return how === "present" ? [present(id)] : [];
      });
      yield { phase, refresh: "continues", changes };
    }
    const isGone = (id: string): boolean => this.directory.entries.get(id)?.inContent !== true;
    // Half of the deletes are lost on purpose, for the second pass to find.
    const told = [...deleted].filter((id, index) => isGone(id) && index % 2 === 0);
    const changes = how === "delta" ? told.map((id) => gone(id)) : [sweep];
    yield { phase, refresh: "ends", changes, checkpoint };
    this.#delivered = checkpoint;
    if (how === "delta") yield* this.#reconcile(false);
  }

  /** Says what there is, while live changes may go on; `stale`: as it was when the comparison began. */
  async *#reconcile(stale: boolean): AsyncGenerator<ChangeBatch, void> {
    const phase = "reconcile";
    const known = this.#delivered;
    const listed = this.directory.content().map((entry) => this.#compared(entry, known));
    yield { phase, refresh: "begins", changes: [] };
    for (const changes of this.#inBatches(listed)) {
      if (stale) {
        await this.#actMeanwhile();
        const next = this.#steps[0];
        if (next?.do === "deliver") {
          this.#steps.shift();
          yield* this.#deliver(next);
        }
      }
      yield { phase, refresh: "continues", changes: changes.map(this.#asItIsSent) };
    }
    yield { phase, refresh: "ends", changes: [sweep] };
  }

  /** Members that are rewritten without an event are those of the moment at which the entry is sent. */
  readonly #asItIsSent = (change: Change): Change => {
    if (this.run.refint !== "silent" || change.kind !== "upsert") return change;
    const entry = this.directory.entries.get(change.sourceId);
    if (entry === undefined || change.type !== "Group") return change;
    return { ...change, members: { kind: "all", members: [...entry.members] } };
  };

  #compared(entry: Entry, known: string): Change {
    // What is rewritten without a stamp is seen by nobody who does not read it, so the last comparison reads it.
    const isRewritten =
      this.run.refint === "silent" && entry.type === "Group" && this.#steps.length === 0;
    if (entry.stamp > known || this.#missed.has(entry.id) || isRewritten) {
      return this.directory.stated(entry);
    }
    const names = this.directory.namesOf(entry);
    return present({ sourceId: entry.id, names, stamp: entry.stamp });
  }

  /** Delivers the next changes, perhaps with the last of those before them, perhaps without the first. */
  async *#deliver(step: Extract<ModelStep, { do: "deliver" }>): AsyncGenerator<ChangeBatch, void> {
    const pending = this.directory.events.filter(({ stamp }) => stamp > this.#delivered);
    const next = pending.slice(0, step.count);
    const last = next.at(-1);
    if (last === undefined) return;
    const [lost] = next;
    if (step.dropped && lost !== undefined) {
      next.shift();
      this.#missed.add(lost.id);
    }
    const known = this.directory.events.length - pending.length;
    const again = step.duplicated ? this.directory.events.slice(Math.max(0, known - 3), known) : [];
    for (const events of this.#inBatches([...again, ...next])) {
      const stamp = events.at(-1)?.stamp;
      if (stamp !== undefined && stamp > this.#delivered) this.#delivered = stamp;
      yield live(events.map(changeOf).map(this.#asItIsSent), this.#delivered);
    }
    this.#delivered = last.stamp;
  }

  *#inBatches<T>(list: readonly T[]): Generator<readonly T[]> {
    const { batchSize } = this.run;
    for (let from = 0; from < list.length; from += batchSize)
      yield list.slice(from, from + batchSize);
  }

  /** Something may happen in the directory while it is read. */
  async #actMeanwhile(): Promise<void> {
    const next = this.#steps[0];
    if (next === undefined || ["deliver", "reconnect", "reconcile"].includes(next.do)) return;
    this.#steps.shift();
    await this.#act(next);
  }

  async #act(step: ModelStep): Promise<void> {
    const { directory } = this;
    switch (step.do) {
      case "create":
        directory.create(step.type, nameFor(step.type, step.name), step.parent);
        break;
      case "delete":
        this.#with(step.entry, (entry) => directory.delete(entry));
        break;
      case "recreate":
        this.#with(step.entry, (entry) => {
          directory.delete(entry);
          directory.create(entry.type, entry.name, entry.parent);
        });
        break;
      case "filter":
        this.#with(step.entry, (entry) => directory.toggleFilter(entry));
        break;
      case "activate":
        this.#with(step.entry, (entry) => directory.change(entry, { active: !entry.active }));
        break;
      case "touch":
        this.#with(step.entry, (entry) => directory.change(entry, { title: `${entry.title}!` }));
        break;
      case "rename":
        this.#with(step.entry, (entry) => directory.rename(entry, nameFor(entry.type, step.name)));
        break;
      case "move":
        this.#with(step.entry, (entry) =>
          directory.rename(entry, entry.name, entry.parent === 0 ? 1 : 0),
        );
        break;
      case "swap":
        this.#with(step.entry, (entry) =>
          this.#with(step.other, (other) => directory.swap(entry, other), entry.type),
        );
        break;
      case "renameParent":
        directory.renameParent(step.parent);
        break;
      case "editGroup":
        this.#with(
          step.group,
          (group) => this.#with(step.member, (member) => this.#toggle(group, member, step.kind)),
          "Group",
        );
        break;
      case "refuse":
        this.#refusedNames.add(userNames[step.name % 6] as string);
        this.#refusedNames.add(groupNames[step.name % 6] as string);
        break;
      case "accept":
        this.#refusedNames.clear();
        break;
      case "wait":
        this.#time += 60_000;
        break;
      default:
        if (this.#calm) await this.#actLocally(step);
    }
  }

  #toggle(group: Entry, member: Entry, kind: "dn" | "uid" | "id"): void {
    const name = this.directory.reference(member, kind);
    const others = group.members.filter((each) => each.kind !== name.kind || each.key !== name.key);
    const stated = others.length === group.members.length;
    this.directory.change(group, { members: stated ? [...others, name] : others });
  }

  #with(pick: number, work: (entry: Entry) => unknown, type?: Entry["type"]): void {
    const entries = [...this.directory.entries.values()].filter(
      (entry) => type === undefined || entry.type === type,
    );
    const entry = entries[pick % entries.length];
    if (entry !== undefined) work(entry);
  }

  /** Somebody in the application does something that synchronisation must respect. */
  async #actLocally(step: ModelStep): Promise<void> {
    const { users, groups, links } = this.target;
    const linked = await links.list("directory", { states: ["live"] }, { count: 1_000 });
    const choose = (type: "User" | "Group", pick: number) => {
      const some = linked.filter((link) => link.type === type && link.resourceId !== undefined);
      return some[pick % some.length];
    };
    if (step.do === "addLocally") {
      const group = choose("Group", step.group)?.resourceId;
      const member = choose("User", step.user)?.resourceId;
      if (group === undefined || member === undefined) return;
      if ((await users.get(member)) === undefined || (await groups.get(group)) === undefined)
        return;
      if ((await groups.whichAreMembers(group, [member])).size > 0) return;
      await groups.changeMembers(group, { add: [{ value: member, type: "User" }] });
      this.localMemberships.push({ group, member });
    } else if (step.do === "disableLocally") {
      const id = choose("User", step.user)?.resourceId;
      const user = id === undefined ? undefined : await users.get(id);
      if (user === undefined || user.active === false) return;
      await users.modify(user.id, { set: { active: false } });
      this.blocked.add(user.id);
    } else if (step.do === "deleteLocally") {
      const link = choose("User", step.user);
      const entry = this.directory.entries.get(link?.sourceId ?? "");
      if (link?.resourceId === undefined || entry === undefined) return;
      if ((await users.get(link.resourceId)) === undefined) return;
      await users.delete(link.resourceId);
      // Nobody looks for an account before its entry changes.
      this.directory.change(entry, { title: `${entry.title}?` });
    }
  }
}

function changeOf({ id, stamp, upsert }: DirectoryEvent): Change {
  return upsert ?? gone(id, stamp);
}

function nameFor(type: Entry["type"], name: number): string {
  return (type === "User" ? userNames : groupNames)[name % 6] as string;
}
