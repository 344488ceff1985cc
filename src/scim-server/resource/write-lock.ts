import type { Endpoint, RequestContext } from "../context.js";
import { assertExists } from "./exact-id.js";

/**
 * Writes to a resource. Where a store has no versions, nothing keeps two writers from undoing what the other did, so
 * the writes of this service provider to one id are made one after the other.
 */
export async function withWriteLockIfNeeded<R>(
  context: RequestContext,
  endpoint: Endpoint,
  id: string,
  write: () => Promise<R>,
): Promise<R> {
  return endpoint.repository.capabilities.versions === "atomic"
    ? await write()
    : await withWriteLock(context, endpoint, id, write);
}

/**
 * Writes to a resource when all writes to it that were asked for before have ended.
 *
 * A lock belongs to a tenant, so that no tenant waits for another's requests. Where the principal does not say which
 * tenant it belongs to, it belongs to the principal if the store has versions, which keep two principals apart. If it
 * has none, nothing here says whose resource it is, since a host may have other repositories for each request: then
 * all principals that have a resource with the id share one lock.
 *
 * @throws {NotFoundError} there is none with this id.
 */
export async function withWriteLock<R>(
  context: RequestContext,
  endpoint: Endpoint,
  id: string,
  write: () => Promise<R>,
): Promise<R> {
  const { settings, signal, tenant, principal } = context;
  const hasVersions = endpoint.repository.capabilities.versions === "atomic";
  const owner = tenant === undefined ? hasVersions && ["principal", principal] : ["tenant", tenant];
  if (owner === false) await assertExists(context, endpoint, id);
  const key = JSON.stringify([owner, endpoint.type.name, id]);
  return await settings.writeLocks.run(key, write, signal);
}
