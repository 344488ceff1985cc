import {
  createTables,
  type GroupMap,
  KyselyGroupRepository,
  KyselyUserRepository,
  kyselyTarget,
  type MemberMap,
  type UserMap,
} from "concordat/kysely";
import type { SyncTarget } from "concordat/repositories";
import { createApplicationTables, type Database } from "./database.ts";
import { endSessionsOf } from "./sessions.ts";

/** Which column of `person` is which attribute of a user. */
export const people: UserMap = {
  table: "person",
  id: { column: "id", type: "integer", reused: false },
  attributes: {
    userName: { column: "login", key: "login_key" },
    "name.givenName": "first_name",
    "name.familyName": "last_name",
    emails: "email",
    active: { column: "disabled", invert: true, unassigned: 0 },
  },
  // What the directory says beside that has no column here.
  others: "ignore",
  defaults: { created_at: () => new Date().toISOString() },
  dependents: [
    { table: "team_member", column: "person_id" },
    { table: "session", column: "person_id" },
  ],
};

/** The same of teams, and of who is in them. */
export const teams: { readonly groups: GroupMap; readonly members: MemberMap } = {
  groups: {
    table: "team",
    id: { column: "id", type: "integer", reused: false },
    attributes: { displayName: { column: "title", key: "title_key" } },
    others: "ignore",
  },
  members: { table: "team_member", group: "team_id", member: "person_id", memberType: "integer" },
};

/** Makes the tables that are missing: those of synchronisation, which the package has, and those of the application. */
export async function createAllTables(db: Database, url: string): Promise<void> {
  await createTables(db, { sets: ["sync"] });
  await createApplicationTables(db, url);
}

/** The application as synchronisation sees it: its people, its teams, and how a session is ended. */
export function applicationTarget(db: Database): SyncTarget {
  return kyselyTarget({
    db,
    users: (inside) =>
      new KyselyUserRepository(inside, {
        map: people,
        revokeSessions: (id) => endSessionsOf(db, Number(id)),
      }),
    groups: (inside) => new KyselyGroupRepository(inside, { map: teams, users: people }),
  });
}
