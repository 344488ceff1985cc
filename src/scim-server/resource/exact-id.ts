import { NotFoundError } from "../../core/index.js";
import type { Resource } from "../../scim/index.js";
import type { Endpoint, Exchange } from "../context.js";

/**
 * The one place that decides which ids are the same: those of the same characters. An `id` is case exact (RFC 7643 §3.1), and a store
 * may find more than that, by the collation of a column or by a type such as `uuid` that has several spellings. Whatever is decided by
 * an id, such as whom the policy protects and whose sessions end, would else be decided of another spelling.
 *
 * @throws {NotFoundError} the resource is not the one with this id.
 */
export function demandSpelled<R extends Pick<Resource, "id">>(
  resource: R | undefined,
  id: string,
): R {
  if (resource?.id !== id) throw new NotFoundError(id);
  return resource;
}

/**
 * The same of a resource that need not be read for what is to be done with it.
 *
 * @throws {NotFoundError} there is none with this id.
 */
export async function demandStored(
  { signal }: Exchange,
  { repository }: Endpoint,
  id: string,
): Promise<void> {
  const options = { attributes: ["id"], excludedAttributes: ["members"], signal };
  demandSpelled(await repository.get(id, options), id);
}
