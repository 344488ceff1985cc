import { leaveGroups } from "../../repositories/index.js";
import type { Endpoint, RequestContext } from "../context.js";
import type { EndpointResponse } from "../response.js";
import type { ChangeOptions } from "./change.js";
import { versionToWrite } from "./change.js";
import { assertExists } from "./exact-id.js";
import { endSessionsOf } from "./sessions.js";
import { withWriteLockIfNeeded } from "./write-lock.js";

/**
 * Deletes a resource, or has the store deactivate it, as it can. RFC 7644 §3.6.
 *
 * @throws {NotFoundError} there is no such resource.
 */
export async function deleteResource(
  context: RequestContext,
  endpoint: Endpoint,
  id: string,
  options: ChangeOptions,
): Promise<EndpointResponse> {
  const { type, repository } = endpoint;
  const conditions = await versionToWrite(context, endpoint, id, options);
  await assertExists(context, endpoint, id);
  await context.before?.({ kind: "delete", type, id });
  // Who is shut out must not stay signed in because the client went away before the sessions were ended: no signal.
  await withWriteLockIfNeeded(context, endpoint, id, () => repository.delete(id, conditions));
  await endSessionsOf(context, endpoint, id);
  await leaveGroupsOf(context, endpoint, id);
  return { status: 204 };
}

/** Takes one who was deleted, and not only deactivated, out of the groups of a store that does not do so itself. */
async function leaveGroupsOf(
  { repositories: { groups } }: RequestContext,
  { type: { name }, repository }: Endpoint,
  id: string,
): Promise<void> {
  if (groups === undefined || repository.capabilities.delete !== "hard") return;
  if (name === "User" || name === "Group") await leaveGroups(groups, { id, type: name });
}
