import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import type { SyncTarget } from "concordat/repositories";
import { Kysely } from "kysely";
import { RequestTracker, type RequestTrackerOptions } from "./client.ts";
import { RequestTrackerGroups } from "./groups.ts";
import { RequestTrackerUsers } from "./users.ts";

/** Options of {@link requestTrackerTarget}. */
export interface RequestTrackerTargetOptions extends RequestTrackerOptions {
  /** The file in which synchronisation keeps what it knows. If it is lost, accounts are found again by `match`. */
  readonly state: string;
  /** The name of the service account, which is never touched. */
  readonly serviceAccount: string;
  /**
   * The environment with which Perl finds Request Tracker's configuration, where this runs on its host: sessions can be
   * ended then.
   */
  readonly sessions?: Readonly<Record<string, string>>;
}

/** Request Tracker as synchronisation sees it, and what closes it. */
export async function requestTrackerTarget(
  options: RequestTrackerTargetOptions,
): Promise<{ readonly target: SyncTarget; readonly close: () => Promise<void> }> {
  const rt = new RequestTracker(options);
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: options.state }) });
  await createTables(db, { sets: ["sync"] });
  const { sessions, serviceAccount } = options;
  const users = new RequestTrackerUsers(rt, {
    hidden: ["RT_System", "Nobody", "root", serviceAccount],
    ...(sessions === undefined ? {} : { endSessions: (id) => endSessions(id, sessions) }),
  });
  const groups = new RequestTrackerGroups(rt);
  return {
    // Request Tracker takes part in no transaction, so none is begun.
    target: kyselyTarget({ db, users: () => users, groups: () => groups, transactions: false }),
    close: () => db.destroy(),
  };
}

const script = fileURLToPath(new URL("end-sessions/end-sessions.pl", import.meta.url));

async function endSessions(
  id: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { PATH = "/usr/bin:/bin" } = process.env;
  await promisify(execFile)("perl", [script, id], {
    env: { PATH, ...environment },
    timeout: 30_000,
  });
}
