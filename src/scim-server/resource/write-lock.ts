import type { Endpoint, Exchange } from "../context.js";
import { demandStored } from "./exact-id.js";

/**
 * Writes to a resource. Where a store has no versions, nothing keeps two writers from undoing what the other did, so the writes of
 * this service provider to one id are made one after the other.
 */
export async function writing<R>(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  write: () => Promise<R>,
): Promise<R> {
  return endpoint.repository.capabilities.versions === "atomic"
    ? await write()
    : await inTurn(exchange, endpoint, id, write);
}

/**
 * Writes to a resource when all others have written that were here before.
 *
 * Turns belong to a tenant, so that nobody waits for others' requests. Where the principal does not say which tenant it belongs to, they
 * belong to the principal if the store has versions, which keep two principals apart. If it has none, nothing here tells whose resource
 * it is, since a host may have other repositories for each request: then those of all take turns who have a resource with the id.
 *
 * @throws {NotFoundError} there is none with this id.
 */
export async function inTurn<R>(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  write: () => Promise<R>,
): Promise<R> {
  const { settings, signal, tenant, principal } = exchange;
  const hasVersions = endpoint.repository.capabilities.versions === "atomic";
  const owner = tenant === undefined ? hasVersions && ["principal", principal] : ["tenant", tenant];
  if (owner === false) await demandStored(exchange, endpoint, id);
  const key = JSON.stringify([owner, endpoint.type.name, id]);
  return await settings.turns.run(key, write, signal);
}
