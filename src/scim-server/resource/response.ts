import type { ProjectionOptions, Resource, ResourceType } from "../../scim/index.js";
import type { Endpoint, Exchange, Settings } from "../context.js";
import { withGroups } from "../references/user-groups.js";
import { locationOf } from "../representation.js";
import type { Outcome } from "../response.js";

/** An outcome with a resource in it. */
export async function resourceOutcome(
  exchange: Exchange,
  endpoint: Endpoint,
  status: number,
  resource: Resource,
  options: ProjectionOptions,
): Promise<Outcome> {
  const { settings } = exchange;
  const { type } = endpoint;
  const [whole = resource] = await withGroups(exchange, endpoint, [resource], options);
  return {
    ...bareOutcome(settings, type, status, resource),
    body: settings.representations.of(type, options).of(whole),
  };
}

/** An outcome that says where a resource is and in which version, and not what it is. */
export function bareOutcome(
  settings: Settings,
  type: ResourceType,
  status: number,
  { id, meta }: Resource,
): Outcome {
  return {
    status,
    location: locationOf(settings, type, id),
    ...(meta?.version !== undefined && { version: meta.version }),
  };
}
