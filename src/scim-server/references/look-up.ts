import { supportsFilter } from "../../repositories/internal.js";
import { bindFilter, eq, or, type Resource } from "../../scim/index.js";
import type { Endpoint } from "../context.js";

/** So many ids are looked for with one question. */
const idsAtOnce = 100;

/**
 * The resources with these ids, as far as there are any, by id; with an attribute beside those that are always
 * returned.
 */
export async function resourcesWithIds(
  { type, repository }: Endpoint,
  ids: readonly string[],
  signal: AbortSignal,
  attribute = "id",
): Promise<ReadonlyMap<string, Resource>> {
  const found = new Map<string, Resource>();
  const unique = [...new Set(ids)];
  const options = { attributes: [attribute], excludedAttributes: ["members"], signal };
  const { capabilities } = repository;
  const size = Math.min(idsAtOnce, capabilities.maxPageSize);
  for (let start = 0; start < unique.length; start += size) {
    const chunk = unique.slice(start, start + size);
    const filter = bindFilter(or(...chunk.map((id) => eq("id", id))), type);
    if (chunk.length > 1 && supportsFilter(capabilities, filter)) {
      const { resources } = await repository.find({ filter, count: chunk.length }, options);
      for (const resource of resources) found.set(resource.id, resource);
      continue;
    }
    for (const id of chunk) {
      const resource = await repository.get(id, options);
      // Another spelling of an id that there is refers to nothing.
      if (resource?.id === id) found.set(id, resource);
    }
  }
  return found;
}
