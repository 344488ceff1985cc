import { VersionConflictError } from "../../core/index.js";
import type { Resource } from "../../scim/index.js";
import type { Endpoint, RequestContext } from "../context.js";
import { readOptions, type Wanted, wantedOf } from "../representation.js";
import type { EndpointResponse } from "../response.js";
import { expectedVersion, isNamedBy } from "./entity-tags.js";
import { assertExactId } from "./exact-id.js";
import { bodilessResponse, resourceResponse } from "./response.js";

/** What a client says of a change beside the change itself. */
export interface ChangeOptions extends Wanted {
  /** The value of If-Match. */
  readonly ifMatch?: string | undefined;
  /** The value of If-None-Match. */
  readonly ifNoneMatch?: string | undefined;
  /** Whether the client wants to see the resource afterwards. */
  readonly prefer?: "minimal" | "representation" | undefined;
}

/**
 * The version that a resource has to be in, so that the store compares it again as it writes.
 *
 * @throws {NotFoundError} there is no such resource.
 * @throws {VersionConflictError} it is not in a version that If-Match names, or is in one that If-None-Match names (RFC
 * 9110 §13.1).
 */
export async function versionToWrite(
  { signal }: RequestContext,
  endpoint: Endpoint,
  id: string,
  { ifMatch, ifNoneMatch }: ChangeOptions,
): Promise<{ readonly ifVersion?: string }> {
  if (ifMatch === undefined && ifNoneMatch === undefined) return {};
  const current = await currentResource(endpoint, id, signal);
  if (ifNoneMatch !== undefined && isNamedBy(ifNoneMatch, current)) {
    throw new VersionConflictError(`The resource "${id}" is in a version that must not be.`);
  }
  const ifVersion = expectedVersion(ifMatch, current);
  return ifVersion === undefined ? {} : { ifVersion };
}

/**
 * The response to a change. One without the resource has no version either: the store does not say which one this
 * change made, and that of another writer who came after it would let the client undo what it has never seen.
 */
export async function changeResponse(
  context: RequestContext,
  endpoint: Endpoint,
  id: string,
  options: ChangeOptions,
  stated: readonly string[],
): Promise<EndpointResponse> {
  const { repository, type } = endpoint;
  if (options.prefer === "minimal") return bodilessResponse(context.settings, type, 204, { id });
  const wanted = wantedOf(options);
  const found = await repository.get(id, readOptions(type, wanted, context.signal));
  const resource = assertExactId(found, id);
  return await resourceResponse(context, endpoint, 200, resource, { ...wanted, stated });
}

/** The resource as it is now, without its members. */
async function currentResource(
  { repository }: Endpoint,
  id: string,
  signal: AbortSignal,
): Promise<Resource> {
  return assertExactId(await repository.get(id, { excludedAttributes: ["members"], signal }), id);
}
