import { leaveGroups } from "../../repositories/index.js";
import type { Endpoint, Exchange } from "../context.js";
import type { Outcome } from "../response.js";
import type { ChangeOptions } from "./change.js";
import { versionToWrite } from "./change.js";
import { demandStored } from "./exact-id.js";
import { endSessionsOf } from "./sessions.js";
import { writing } from "./write-lock.js";

/**
 * Deletes a resource, or has the store deactivate it, as it can. RFC 7644 §3.6.
 *
 * @throws {NotFoundError} there is no such resource.
 */
export async function deleteResource(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  options: ChangeOptions,
): Promise<Outcome> {
  const { type, repository } = endpoint;
  const conditions = await versionToWrite(exchange, endpoint, id, options);
  await demandStored(exchange, endpoint, id);
  await exchange.before?.({ kind: "delete", type, id });
  // Who is shut out must not stay signed in because the client went away before the sessions were ended: no signal.
  await writing(exchange, endpoint, id, () => repository.delete(id, conditions));
  await endSessionsOf(exchange, endpoint, id);
  await leaveGroupsOf(exchange, endpoint, id);
  return { status: 204 };
}

/** Takes one who was deleted, and not only deactivated, out of the groups of a store that does not do so itself. */
async function leaveGroupsOf(
  { repositories: { groups } }: Exchange,
  { type: { name }, repository }: Endpoint,
  id: string,
): Promise<void> {
  if (groups === undefined || repository.capabilities.delete !== "hard") return;
  if (name === "User" || name === "Group") await leaveGroups(groups, { id, type: name });
}
