import type { ProjectionOptions, Resource, ResourceType } from "../../scim/index.js";
import type { Endpoint, RequestContext, Settings } from "../context.js";
import { withGroups } from "../references/user-groups.js";
import { locationOf } from "../representation.js";
import type { EndpointResponse } from "../response.js";

/** A response with a resource in it. */
export async function resourceResponse(
  context: RequestContext,
  endpoint: Endpoint,
  status: number,
  resource: Resource,
  options: ProjectionOptions,
): Promise<EndpointResponse> {
  const { settings } = context;
  const { type } = endpoint;
  const [whole = resource] = await withGroups(context, endpoint, [resource], options);
  return {
    ...bodilessResponse(settings, type, status, resource),
    body: settings.representations.of(type, options).of(whole),
  };
}

/** A response that says where a resource is and in which version, and not what it is. */
export function bodilessResponse(
  settings: Settings,
  type: ResourceType,
  status: number,
  { id, meta }: Resource,
): EndpointResponse {
  return {
    status,
    location: locationOf(settings, type, id),
    ...(meta?.version !== undefined && { version: meta.version }),
  };
}
