import { changeLog } from "concordat/change-log";
import type { SourceLag } from "concordat/changes";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import type { SyncTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import { Kysely, sql } from "kysely";
import type { LogPlace, OpenLog } from "./log.ts";

/** What the stream of changes is called in the applications' databases. */
const source = "directory-log";

/** What an application is doing. */
export type State = "not begun" | "catching up" | "following" | "stopped" | "failed";

/** How much there is in the tables of an application. */
export interface Counts {
  readonly users: number;
  readonly groups: number;
  readonly memberships: number;
}

/** An application with a database of its own, which reads the log while it is started. */
export class Application {
  readonly name: string;
  /** What it did since it was started last. */
  readonly done: { created: number; changed: number; removed: number } = {
    created: 0,
    changed: 0,
    removed: 0,
  };
  #state: State = "not begun";
  readonly #place: LogPlace;
  readonly #db: Kysely<unknown>;
  readonly #target: SyncTarget;
  /** The connection with which it is looked how far the application is, whether it is started or not. */
  readonly #looking: OpenLog;
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  private constructor(name: string, place: LogPlace, db: Kysely<unknown>, looking: OpenLog) {
    this.name = name;
    this.#place = place;
    this.#db = db;
    this.#target = kyselyTarget({ db });
    this.#looking = looking;
  }

  static async open(name: string, place: LogPlace, path: string): Promise<Application> {
    const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path }) });
    await createTables(db);
    return new Application(name, place, db, await place.open());
  }

  get state(): State {
    return this.#state;
  }

  /** Whether it reads the log. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Begins to read the log, or goes on where it stood. */
  start(): void {
    if (this.#running !== undefined) return;
    const stop = new AbortController();
    this.#state = "catching up";
    Object.assign(this.done, { created: 0, changed: 0, removed: 0 });
    const ended = this.#follow(stop.signal).then(
      () => {
        this.#state = "stopped";
      },
      (error: unknown) => {
        this.#state = "failed";
        console.error(`${this.name}:`, error);
      },
    );
    this.#running = { stop, ended };
  }

  /** The few lines that an application needs. */
  async #follow(signal: AbortSignal): Promise<void> {
    await using opened = await this.#place.open();
    const changes = changeLog(opened.log, { source });
    const options = { onDelete: "delete", signal } as const;
    for await (const outcome of synchronize(changes, this.#target, options)) {
      if (outcome.kind === "refreshed") this.#state = "following";
      if (outcome.kind === "created") this.done.created++;
      if (outcome.kind === "deleted") this.done.removed++;
      if (outcome.kind === "updated" || outcome.kind === "renamed") this.done.changed++;
    }
  }

  /** Stops reading. What was done until now stays done. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort();
    await running?.ended;
  }

  /** How far it is behind the log; none where it never began. */
  async lag(): Promise<SourceLag | undefined> {
    const position = await this.#target.checkpoints.load(source);
    if (position?.checkpoint === undefined) return undefined;
    return await changeLog(this.#looking.log, { source }).lagBehind?.(position.checkpoint);
  }

  async counts(): Promise<Counts> {
    const { rows } = await sql<Counts>`select
      (select count(*) from concordat_user) as users,
      (select count(*) from concordat_group) as groups,
      (select count(*) from concordat_group_member) as memberships`.execute(this.#db);
    return rows[0] ?? { users: 0, groups: 0, memberships: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#looking[Symbol.asyncDispose]();
    await this.#db.destroy();
  }
}
