import { setImmediate } from "node:timers/promises";
import { InvalidValueError, StreamTakenError, UnavailableError } from "concordat";
import { type Outcome, synchronize } from "concordat/sync";
import { ModelDirectory } from "./model-directory.js";
import type { Entry } from "./model-state.js";
import type { ModelRun, ModelStep } from "./model-steps.js";
import { withPositionAs } from "./model-stores.js";
import { ModelStream, type Surroundings } from "./model-stream.js";
import { ModelWatch } from "./model-watch.js";
import { type Call, type Interruption, interferedWith, type Target } from "./stores.js";

/** The process in which synchronisation ran has ended, and nothing that it began is finished. */
class ProcessEnded extends Error {}

const userNames = ["n0", "n1", "n2", "n3", "n4", "n5"] as const;
const groupNames = ["g0", "g1", "g2", "g3", "g4", "g5"] as const;

const writes = {
  users: ["write", "create", "replace", "modify", "delete"],
  groups: ["write", "create", "replace", "modify", "delete", "changeMembers"],
  links: ["save", "markSeen", "markDirty", "remove", "setNames"],
  memberships: ["saveReferences", "removeReferences", "saveGrants", "removeGrants"],
  settlement: ["state", "confirm"],
  checkpoints: ["save", "claim"],
} as const;

/** Longer than a request of a process that was superseded may be under way, in milliseconds. */
const takeover = 61_000;

/** A membership by the ids of the application. */
export interface LocalMembership {
  readonly group: string;
  readonly member: string;
}

/** A process that follows the directory. */
interface Process {
  /** How many writes it does before it crashes, if it does. */
  readonly life: number | undefined;
  /** How many before another one begins beside it. */
  rivalAfter: number | undefined;
}

/** A directory, an application with people of its own in it, and a synchronisation that is interrupted. */
export class ModelWorld implements Surroundings {
  readonly run: ModelRun;
  readonly target: Target;
  /** What is done to the stores when no process is running, before one begins. */
  readonly #beforeProcess: (() => Promise<void>) | undefined;
  readonly directory: ModelDirectory;
  /** Accounts that the application had before. */
  readonly localUsers: Set<string> = new Set();
  readonly localMemberships: LocalMembership[] = [];
  /** Accounts that somebody in the application disabled. */
  readonly blocked: Set<string> = new Set();
  /** What went wrong on the way. */
  readonly complaints: string[] = [];
  readonly missed: Set<string> = new Set();
  readonly toldAhead: Set<string> = new Set();
  mirrorAt = 0;
  crashes = 0;
  writes = 0;
  takeovers = 0;
  restarts = 0;
  readonly #watch: ModelWatch;
  readonly #refusedNames = new Set<string>();
  readonly #steps: ModelStep[];
  readonly #whileDown: ModelStep[];
  readonly #crashes: number[];
  readonly #rivals: number[];
  readonly #processes = new Map<Process, Promise<void>>();
  /** When each process began to claim the stream last, and when it was done, as numbers in the order of events. */
  readonly #claims = new Map<Process, { readonly from: number; readonly to: number }>();
  #events = 0;
  /** Two processes have followed the stream at once. */
  #hadRivals = false;
  #turns = 0;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #stop = new AbortController();
  #time = 0;
  #rereads = 0;
  #lostPositions = 0;
  /** Nothing that a crash interrupted is still to be done again. */
  #calm = true;

  constructor(run: ModelRun, target: Target, beforeProcess?: () => Promise<void>) {
    this.run = run;
    this.target = target;
    this.#beforeProcess = beforeProcess;
    this.directory = new ModelDirectory(run.refint);
    this.#watch = new ModelWatch(this);
    this.#steps = [...run.steps];
    this.#whileDown = [...run.whileDown];
    this.#crashes = [...run.crashes];
    this.#rivals = [...run.rivals];
  }

  get next(): ModelStep | undefined {
    return this.#steps[0];
  }

  take(): ModelStep | undefined {
    return this.#steps.shift();
  }

  canReread(): boolean {
    return this.#steps.length === 0 || !this.run.unread.includes(this.#rereads++);
  }

  async resumes(checkpoint: string): Promise<void> {
    await this.#watch.resumes(checkpoint);
  }

  calmDown(): void {
    this.#refusedNames.clear();
  }

  /** Lets everything happen, until a refresh has completed with nothing more to come. */
  async live(): Promise<void> {
    const local = await this.target.users.create({ userName: userNames[0] });
    this.localUsers.add(local.id);
    await this.#runToTheEnd();
    if (!this.#hadRivals) return;
    // What a request that was under way may have done last is looked for when there can be none any more.
    for (let pass = 0; pass < 3; pass++) {
      this.#time += takeover;
      this.#hasEnded = false;
      await this.#runToTheEnd();
    }
  }

  async #runToTheEnd(): Promise<void> {
    while (!this.#hasEnded) {
      await this.#beforeProcess?.();
      this.#begin();
      while (this.#processes.size > 0) await Promise.race(this.#processes.values());
      if (this.#failure !== undefined) throw this.#failure.error;
    }
  }

  #begin(): void {
    const process: Process = { life: this.#crashes.shift(), rivalAfter: this.#rivals.shift() };
    this.#processes.set(
      process,
      this.#live(process)
        .catch((error: unknown) => {
          this.#failure ??= { error };
          this.#stop.abort(error);
        })
        .finally(() => this.#processes.delete(process)),
    );
  }

  async #live(process: Process): Promise<void> {
    const { nested, dangling, onDelete, match } = this.run;
    const row = `directory ${this.#lostPositions}`;
    const target = withPositionAs(this.target, row);
    try {
      const outcomes = synchronize(new ModelStream(this), this.#mortal(process, target), {
        nested,
        dangling,
        onDelete,
        match: match ? { users: "userName" } : {},
        maxDeletes: Number.POSITIVE_INFINITY,
        maxCleared: Number.POSITIVE_INFINITY,
        outages: { attempts: 5, delay: 0 },
        now: () => this.#time,
        signal: this.#stop.signal,
      });
      for await (const outcome of outcomes) {
        this.#note(outcome);
        await this.#watch.checkStamps();
      }
      this.#hasEnded = true;
    } catch (error) {
      // Only who has been superseded may be told so.
      if (error instanceof StreamTakenError && this.#mayBeSuperseded(process)) {
        this.takeovers++;
        return;
      }
      if (!(error instanceof ProcessEnded)) throw error;
      this.crashes++;
      this.#calm = false;
      const meanwhile = this.#whileDown.shift();
      if (meanwhile?.do !== "loseCheckpoint") {
        if (meanwhile !== undefined) await this.act(meanwhile);
      } else if (this.#processes.size === 1) this.#lostPositions++;
    }
  }

  /** What is remembered of an outcome. */
  #note(outcome: Outcome): void {
    if (outcome.kind === "refreshed") {
      const isAlone = this.#processes.size === 1;
      const isCertain = !this.#hadRivals || this.target.transaction !== undefined;
      if (isAlone && isCertain) this.#calm = true;
    }
    if (outcome.kind === "restarted") this.restarts++;
    // What two processes made of one entry, where nothing undoes it, is one account too many.
    const mayBeSurplus = this.#hadRivals && this.target.transaction === undefined;
    if (!mayBeSurplus) this.#watch.checkTakenAway(outcome);
    // Of an account that was made and not confirmed, a server that lags may say another of its names.
    const mayKnowLess = this.run.source === "servers" && this.target.transaction === undefined;
    if (!mayKnowLess || !(this.#hadRivals || this.crashes > 0)) this.#watch.checkRenamed(outcome);
  }

  /**
   * Where there are two processes, each waits for a while before each call, so that they go on between any two of the
   * other's.
   */
  async #turn(): Promise<void> {
    if (this.#processes.size < 2) return;
    const { turns } = this.run;
    const wait = turns[this.#turns++ % turns.length] ?? 0;
    for (let turn = 0; turn < wait; turn++) await setImmediate();
  }

  /** The stores as one process sees them, which ends before its write of this number. */
  #mortal(process: Process, target: Target): Target {
    let left = process.life;
    const bare = target.transaction === undefined;
    const interrupt = ({ store, method, args }: Call): Interruption | undefined => {
      if (!(writes[store] as readonly string[]).includes(method)) return undefined;
      if (method === "claim") this.#claims.set(process, { from: this.#events++, to: Infinity });
      if (process.rivalAfter !== undefined && process.rivalAfter-- <= 0) {
        process.rivalAfter = undefined;
        this.#beginRival();
      }
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
    const before = async (): Promise<void> => {
      await this.#turn();
      if (left !== undefined && left < 0) throw new ProcessEnded();
    };
    const refuse = ({ store, method, args }: Call): Error | undefined => {
      if (method !== "write" || (store !== "users" && store !== "groups")) return undefined;
      const text = JSON.stringify(args);
      const name = [...this.#refusedNames].find((each) => text.includes(`"${each}"`));
      return name === undefined ? name : new InvalidValueError("name", `"${name}" is refused.`);
    };
    const after = ({ method }: Call): void => {
      const claim = this.#claims.get(process);
      if (method !== "claim" || claim === undefined) return;
      this.#claims.set(process, { ...claim, to: this.#events++ });
    };
    return interferedWith(target, { before, interrupt, refuse, after });
  }

  /** Whether another process has claimed the stream since. Two that claim at once, a server serves in any order. */
  #mayBeSuperseded(process: Process): boolean {
    const from = this.#claims.get(process)?.from ?? 0;
    return [...this.#claims].some(([other, { to }]) => other !== process && to > from);
  }

  #beginRival(): void {
    if (this.#processes.size > 1) return;
    this.#hadRivals = true;
    this.#calm = false;
    this.#begin();
  }

  async act(step: ModelStep): Promise<void> {
    const { directory } = this;
    switch (step.do) {
      case "create":
        directory.create(step.type, nameFor(step.type, step.name), step.parent, step.isNamed);
        break;
      case "delete":
        this.#with(step.entry, (entry) => directory.delete(entry));
        break;
      case "recreate":
        this.#with(step.entry, (entry) => {
          directory.delete(entry);
          directory.create(entry.type, entry.name, entry.parent, entry.candidates === undefined);
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
        this.#with(step.entry, (entry) =>
          directory.rename(entry, nameFor(entry.type, step.name), entry.parent, step.keeps),
        );
        break;
      case "toggleValue":
        this.#with(step.entry, (entry) => directory.toggleValue(entry, nameFor("User", step.name)));
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
      case "setClock":
        if (this.run.source === "server") directory.setClock(step.by);
        break;
      case "backUp":
        directory.backUp();
        break;
      case "restore":
        if (this.run.source === "server") directory.restore();
        break;
      case "replicate":
        this.mirrorAt = Math.max(this.mirrorAt, directory.events.length - step.lag);
        break;
      case "wait":
        // While a request of a process that was superseded may be under way, it has not been long ago.
        if (this.#processes.size < 2) this.#time += 60_000;
        break;
      default:
        if (this.#calm) await this.#actLocally(step);
    }
    directory.record();
  }

  #toggle(group: Entry, member: Entry, kind: "dn" | "uid" | "alias" | "id"): void {
    const name = this.directory.state.reference(member, kind);
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

  /**
   * Whether a request of a process that crashed may still make a membership: one that is made by hand meanwhile is taken
   * for it (docs/guarantees.md).
   */
  async #isUnconfirmed({ group, member }: LocalMembership): Promise<boolean> {
    const target = withPositionAs(this.target, `directory ${this.#lostPositions}`);
    const unconfirmed = (await target.checkpoints.load("directory"))?.unconfirmed;
    return [unconfirmed, unconfirmed?.later]
      .flatMap((some) => some?.memberships ?? [])
      .some((each) => each.group === group && each.member === `Users/${member}`);
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
      if (await this.#isUnconfirmed({ group, member })) return;
      await groups.changeMembers(group, { add: [{ value: member, type: "User" }] });
      this.localMemberships.push({ group, member });
    } else if (step.do === "disableLocally") {
      const id = choose("User", step.user)?.resourceId;
      const user = id === undefined ? undefined : await users.get(id);
      if (user === undefined || user.active === false) return;
      await users.modify(user.id, { set: { active: false } });
      this.blocked.add(user.id);
    } else if (step.do === "deleteLocally") {
      // A backup would undo the change by which it shows.
      if (this.run.source === "server") return;
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

function nameFor(type: Entry["type"], name: number): string {
  return (type === "User" ? userNames : groupNames)[name % 6] as string;
}
