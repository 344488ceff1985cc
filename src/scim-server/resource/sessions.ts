import { endSessions } from "../../repositories/index.js";
import type { Endpoint, RequestContext } from "../context.js";

/** Ends the sessions of a user who was deactivated or deleted, and notes how that went. What is no user has none. */
export async function endSessionsOf(
  context: RequestContext,
  { type }: Endpoint,
  id: string,
): Promise<void> {
  const { users } = context.repositories;
  if (users === undefined || type.name !== "User") return;
  // A client that goes away after the commit must not keep the user signed in: no signal.
  context.record.sessions.push({ id, outcome: await endSessions(users, id) });
}
