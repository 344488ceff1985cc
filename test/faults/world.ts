import { setImmediate } from "node:timers/promises";
import { NotFoundError } from "concordat";
import type { Outcome } from "concordat/sync";
import type { Stall } from "concordat/testing/directory";
import { withPositionAs } from "../sync/model-stores.js";
import type { Target } from "../sync/stores.js";
import { Consumer, type Fates, source } from "./consumer.js";
import { randomNumbers, StaffDirectory } from "./staff-directory.js";
import type { Fault, Run, Step } from "./steps.js";

/** Longer than a request of a consumer that was superseded may be under way, in milliseconds. */
const takeover = 61_000;

/** Longer than the clock is ever set back, in milliseconds. */
const month = 30 * 86_400_000;

/** A membership by the ids of the application. */
export interface LocalMembership {
  readonly group: string;
  readonly member: string;
}

/** A directory, an application with people of its own in it, and everything that may happen between the two. */
export class World implements AsyncDisposable {
  readonly run: Run;
  readonly staff: StaffDirectory;
  readonly target: Target;
  readonly localMemberships: LocalMembership[] = [];
  /** Accounts that somebody in the application disabled. */
  readonly blocked: Set<string> = new Set();
  /** What went wrong on the way. */
  readonly complaints: string[] = [];
  faults = 0;
  #consumer: Consumer;
  /** Those whose place another one has taken, and which may not have noticed yet. */
  readonly #superseded: Consumer[] = [];
  #lostPositions = 0;
  #later = 0;
  readonly #steps: Step[];
  readonly #between: number[];
  #stalls: Stall[] = [];
  #isCatchingUp = false;
  #stepsOffline = 0;
  #restarted: Promise<void> = Promise.resolve();
  #localUser = "";
  #writesLeft: number | undefined;
  #isQuiet: () => void;

  private constructor(run: Run, staff: StaffDirectory, target: Target, quiet: () => void) {
    this.run = run;
    this.staff = staff;
    this.target = target;
    this.#isQuiet = quiet;
    this.#steps = [...run.steps];
    this.#between = [...run.between];
    this.#writesLeft = this.#between.shift();
    const fates = { crashes: 0, reconnects: 0, resets: 0, writes: 0 };
    this.#consumer = this.#newConsumer({ fates, crashes: [...run.crashes] });
  }

  #newConsumer(former: Pick<Consumer, "fates" | "crashes">): Consumer {
    const { run, staff, target } = this;
    const hooks = {
      onOutcome: (outcome: Outcome) => {
        if (outcome.kind !== "deactivated" && outcome.kind !== "deleted") return;
        if (outcome.type !== "User" || staff.everLeft.has(outcome.sourceId)) return;
        // What two processes made of one entry, where nothing undoes it, is one account too many.
        if (this.#hadRivals && target.transaction === undefined) return;
        this.complaints.push(`${outcome.name} was ${outcome.kind} without having been gone`);
      },
      betweenWrites: () => this.#actBetweenWrites(),
      later: () => this.#later,
      rivals: () => this.#superseded.length,
    };
    const followed = withPositionAs(target, this.#position);
    return new Consumer(run, staff.directory, followed, hooks, former);
  }

  /** The row in which the position is; where it was lost, another one. */
  get #position(): string {
    return `${source} ${this.#lostPositions}`;
  }

  get #hadRivals(): boolean {
    return this.#superseded.length > 0;
  }

  static async create(run: Run, target: Target): Promise<World> {
    const random = randomNumbers(run.seed + 1);
    let { bareCookies } = run;
    const staff = await StaffDirectory.start(run, () => random() < bareCookies);
    const world = new World(run, staff, target, () => {
      bareCookies = 0;
    });
    const local = await target.users.create({ userName: "local" });
    world.#localUser = local.id;
    return world;
  }

  get localUser(): string {
    return this.#localUser;
  }

  get fates(): Fates {
    return this.#consumer.fates;
  }

  /** Lets everything happen, until nothing goes wrong any more and the consumer knows all. */
  async live(): Promise<void> {
    const { run, staff } = this;
    for (let step = 0; step < run.before; step++) await this.#next();
    this.#consumer.start();
    while (this.#steps.length > 0) await this.#next();
    this.#consumer.spare();
    this.#isQuiet();
    staff.directory.faults.clear();
    await this.#catchUp();
    for (const consumer of this.#superseded) await consumer.stop();
    if (this.#hadRivals) this.#later += takeover;
    if (run.resumes || this.#hadRivals) {
      await this.#consumer.stop();
      this.#consumer.start();
    }
    // What another server wrote and a backup undid, a directory holds only once it has had something later of that server, whose
    // clock is right in the end.
    // A server that has no number holds its own changes, too, only as far as its numbers go, which stand still while its clock is back.
    if (staff.isRestored || (staff.hasUntold && run.serverId === 0)) {
      staff.setClock(month);
      staff.mark(2);
    }
    // A server whose clock is behind its own numbers sends no cookie with what is written, and those that it had sent may have been
    // spoilt: then there is no checkpoint before the clock is right.
    const position = await this.target.checkpoints.load(this.#position);
    if (position?.checkpoint === undefined) staff.setClock(month);
    await this.#knowAll();
    // That a parent was moved is told on a connection of its own, which may be later. Then no checkpoint comes before all is listed.
    if (staff.hasMovedParents) {
      for (let times = 0; times < 2; times++) await this.#knowAll();
      // Whoever was told of while all was listed is listed once more.
      const isDone = async () => !this.#consumer.isComparing;
      await this.#consumer.until("all has been listed", isDone);
    }
    await this.#settle();
    // Of these nobody is told, so somebody has to look: after a backup once more, as a look may have begun before.
    if (staff.hasUntold) {
      for (let looks = staff.isRestored ? 2 : 1; looks > 0; looks--) {
        await this.#consumer.compareNames({ groups: staff.hasUntoldGroups });
      }
    }
    await this.#consumer.stop();
  }

  async #knowAll(): Promise<void> {
    const { stamp } = this.staff.mark();
    await this.#consumer.until("a checkpoint says that it knows all", async () => {
      const position = await this.target.checkpoints.load(this.#position);
      return covers(position?.checkpoint, stamp);
    });
  }

  /** Memberships may be settled after the checkpoint, without a word where nothing differs: what is left to do is marked. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < 1_000; turn++) {
      const left = await this.target.links.list(source, { dirty: true }, { count: 1 });
      if (left.length === 0) return;
      await setImmediate();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.staff.directory.faults.clear();
    for (const consumer of [this.#consumer, ...this.#superseded]) {
      await consumer.stop().catch(() => undefined);
    }
    await this.staff[Symbol.asyncDispose]();
  }

  async #next(): Promise<void> {
    const step = this.#steps.shift();
    if (step === undefined) return;
    this.staff.tick();
    if (this.#stepsOffline > 0 && --this.#stepsOffline === 0 && !this.#consumer.isRunning) {
      this.#consumer.start();
    }
    switch (step.kind) {
      case "turns":
        for (let turn = 0; turn < step.count; turn++) await setImmediate();
        break;
      case "catchUp":
        if (this.#consumer.isRunning) await this.#catchUp();
        break;
      case "addLocally":
        if (this.#isCalm) await this.#addLocally(step.group);
        break;
      case "disableLocally":
        if (this.#isCalm) await this.#disableLocally(step.user);
        break;
      case "fault":
        await this.#goWrong(step.fault);
        break;
      case "overtaken":
        await this.#overtake(step);
        break;
      default:
        this.#actInDirectory(step);
    }
  }

  /** Nothing is under way that was interrupted, or that another consumer may be doing still. */
  get #isCalm(): boolean {
    return this.#consumer.isCalm && !this.#hadRivals;
  }

  /** The steps that can be taken while the consumer is in the middle of its work. */
  async #actBetweenWrites(): Promise<void> {
    if (this.#writesLeft === undefined || this.#writesLeft-- > 0) return;
    this.#writesLeft = this.#between.shift();
    const [step] = this.#steps;
    if (step === undefined) return;
    const isPossible =
      ["operation", "duringRefresh", "delayed"].includes(step.kind) ||
      (step.kind === "overtaken" && !step.unseen) ||
      (step.kind === "fault" &&
        !["stopConsumer", "takeOver", "restore"].includes(step.fault.fault));
    if (!isPossible) return;
    await this.#next();
    if (this.#isCatchingUp) void this.#goOnSoon();
  }

  /** What stands still while the consumer is waited for must not do so for ever. */
  async #goOnSoon(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    this.#goOn();
  }

  #goOn(): void {
    this.staff.completeWrites();
    for (const stall of this.#stalls.splice(0)) stall.end();
  }

  #actInDirectory(
    step: Extract<Step, { readonly kind: "operation" | "duringRefresh" | "delayed" }>,
  ): void {
    switch (step.kind) {
      case "operation":
        this.staff.perform(step.operation, step.server);
        break;
      case "delayed":
        this.faults += 1;
        this.staff.delay(step.operation, step.steps);
        break;
      case "duringRefresh":
        this.faults += 1;
        this.staff.directory.faults.duringRefresh(() => {
          for (const operation of step.operations) this.staff.perform(operation);
        }, step.afterMessages);
    }
  }

  async #overtake({
    operation,
    by,
    unseen,
  }: Extract<Step, { readonly kind: "overtaken" }>): Promise<void> {
    this.faults += 1;
    const wasRunning = unseen && this.#consumer.isRunning;
    if (wasRunning) {
      await this.#catchUp();
      await this.#consumer.stop();
    }
    this.staff.overtake(operation, by);
    if (wasRunning) this.#consumer.start();
  }

  async #goWrong(fault: Fault): Promise<void> {
    const { directory } = this.staff;
    const { faults } = directory;
    this.faults += 1;
    switch (fault.fault) {
      case "drop":
        faults.dropConnection(fault);
        break;
      case "refuse":
        faults.refuseResume(fault.code);
        break;
      case "ignoreCookie":
        // Where every entry may be new, nobody could tell; a server that does so tells that it sends everything.
        if (!this.run.reloads) faults.ignoreCookie();
        break;
      case "spoil":
        faults.spoilCookies(fault.how, fault.count);
        break;
      case "trimLog":
        faults.trimSessionLog(fault.keep);
        break;
      case "restart":
        // Between two writes of the consumer there may come another one.
        this.#restarted = this.#restarted.then(() =>
          directory.restart({ keepSessionLog: fault.keepLog }),
        );
        await this.#restarted;
        break;
      case "stopSending":
        this.#stalls.push(faults.stopSending());
        break;
      case "stopReading":
        this.#stalls.push(faults.stopReading());
        break;
      case "sendSlowly":
        faults.sendSlowly(() => setImmediate());
        break;
      case "stopConsumer":
        if (!this.#consumer.isRunning) break;
        await this.#consumer.stop();
        for (const consumer of this.#superseded) await consumer.stop();
        if (fault.losesPosition) {
          this.#lostPositions += 1;
          this.#consumer = this.#newConsumer(this.#consumer);
        }
        this.#stepsOffline = fault.steps;
        if (fault.steps === 0) this.#consumer.start();
        break;
      case "takeOver":
        if (!this.#consumer.isRunning) break;
        this.#consumer.supersede();
        this.#superseded.push(this.#consumer);
        this.#consumer = this.#newConsumer(this.#consumer);
        this.#consumer.start();
        break;
      case "setClock":
        this.staff.setClock(fault.by);
        break;
      case "backUp":
        this.staff.backUp();
        break;
      case "restore":
        this.#restarted = this.#restarted.then(() => this.staff.restore());
        await this.#restarted;
    }
  }

  async #catchUp(): Promise<void> {
    this.#goOn();
    this.#isCatchingUp = true;
    // Of a server that has no number nobody can tell a restored backup from a lag behind another one, until its numbers are beyond
    // those that are known: its clock is right then.
    if (this.staff.isRestored && this.run.serverId === 0) this.staff.setClock(month);
    const { id, stamp } = this.staff.mark();
    // Of what was written while the clock was back, nobody may be told who was not there.
    const mayBeUntold = this.staff.hasUntold && this.staff.goesBack;
    if (mayBeUntold) await this.#consumer.compareNames();
    const beginnings = () => this.fates.reconnects + this.fates.crashes;
    let before = beginnings();
    await this.#consumer.until("it has seen the last change", async () => {
      // What was on its way when a connection broke, or the consumer did, the next one does not tell, since its cookie covers that
      // number.
      if (mayBeUntold && beginnings() > before) this.#consumer.askForNames();
      before = beginnings();
      const [link] = await this.target.links.get(source, [id]);
      const { markerStamp, goesBack } = this.staff;
      const isLatest = link?.stamp === markerStamp || (!goesBack && (link?.stamp ?? "") >= stamp);
      const isApplied = link?.state === "live" && isLatest;
      return isApplied && !this.#consumer.isRefreshing;
    });
    this.#isCatchingUp = false;
  }

  /** Somebody in the application puts somebody of its own into a group. */
  async #addLocally(pick: number): Promise<void> {
    const { groups } = this.target;
    const groupIds = await this.#linked("Group");
    const group = groupIds[pick % groupIds.length];
    if (group === undefined || (await groups.get(group)) === undefined) return;
    const member = this.#localUser;
    if ((await groups.whichAreMembers(group, [member])).size > 0) return;
    const add = [{ value: member, type: "User" }] as const;
    if (await isDone(groups.changeMembers(group, { add }))) {
      this.localMemberships.push({ group, member });
    }
  }

  /** Somebody in the application disables an account. */
  async #disableLocally(pick: number): Promise<void> {
    const { users } = this.target;
    const userIds = await this.#linked("User");
    const id = userIds[pick % userIds.length];
    const user = id === undefined ? undefined : await users.get(id);
    if (user === undefined || user.active === false) return;
    if (await isDone(users.modify(user.id, { set: { active: false } }))) {
      this.blocked.add(user.id);
    }
  }

  async #linked(type: "User" | "Group"): Promise<readonly string[]> {
    const links = await this.target.links.list(source, { states: ["live"] }, { count: 1_000 });
    return links.flatMap((link) =>
      link.type === type && link.resourceId !== undefined ? [link.resourceId] : [],
    );
  }
}

/** Whether a write was done: the account or the group may be gone by then. */
async function isDone(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    throw error;
  }
}

/** Whether a checkpoint says that everything up to a change is known. */
function covers(checkpoint: string | undefined, stamp: string): boolean {
  const csns = checkpoint?.match(/\d{14}\.\d{6}Z#\w{6}#\w{3}#\w{6}/g) ?? [];
  return csns.some((csn) => csn.slice(30, 33) === stamp.slice(30, 33) && csn >= stamp);
}
