import { endSessions } from "../../repositories/index.js";
import type { Endpoint, Exchange } from "../context.js";

/** Ends the sessions of a user who was deactivated or deleted, and notes how that went. What is no user has none. */
export async function endSessionsOf(
  exchange: Exchange,
  { type }: Endpoint,
  id: string,
): Promise<void> {
  const { users } = exchange.repositories;
  if (users === undefined || type.name !== "User") return;
  // A client that goes away after the commit must not keep anybody signed in: no signal.
  exchange.record.sessions.push({ id, outcome: await endSessions(users, id) });
}
