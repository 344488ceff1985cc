import { VersionConflictError } from "../../core/index.js";
import type { Resource } from "../../scim/index.js";
import type { Endpoint, Exchange } from "../context.js";
import { readOptions, type Wanted } from "../representation.js";
import type { Outcome } from "../response.js";
import { demandedVersion, isNamedBy } from "./entity-tags.js";
import { demandSpelled } from "./exact-id.js";
import { bareOutcome, resourceOutcome } from "./response.js";

/** What a client says of a change beside the change itself. */
export interface ChangeOptions extends Wanted {
  /** The value of If-Match. */
  readonly ifMatch?: string | undefined;
  /** The value of If-None-Match. */
  readonly ifNoneMatch?: string | undefined;
  /** Whether the client wants to see the resource afterwards. */
  readonly answer?: "minimal" | "representation" | undefined;
}

/**
 * The version that a resource has to be in, so that the store compares it again as it writes.
 *
 * @throws {NotFoundError} there is no such resource.
 * @throws {VersionConflictError} it is not in a version that If-Match names, or is in one that If-None-Match names (RFC 9110 §13.1).
 */
export async function versionToWrite(
  { signal }: Exchange,
  endpoint: Endpoint,
  id: string,
  { ifMatch, ifNoneMatch }: ChangeOptions,
): Promise<{ readonly ifVersion?: string }> {
  if (ifMatch === undefined && ifNoneMatch === undefined) return {};
  const current = await demandCurrent(endpoint, id, signal);
  if (ifNoneMatch !== undefined && isNamedBy(ifNoneMatch, current)) {
    throw new VersionConflictError(`The resource "${id}" is in a version that must not be.`);
  }
  const ifVersion = demandedVersion(ifMatch, current);
  return ifVersion === undefined ? {} : { ifVersion };
}

/**
 * The answer to a change. One without the resource has no version either: the store does not say which one this change made, and that
 * of another writer who came after it would let the client undo what it has never seen.
 */
export async function answerChange(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  { attributes, excludedAttributes, answer }: ChangeOptions,
  stated: readonly string[],
): Promise<Outcome> {
  const { repository, type } = endpoint;
  if (answer === "minimal") return bareOutcome(exchange.settings, type, 204, { id });
  const wanted: Wanted = {
    ...(attributes !== undefined && { attributes }),
    ...(excludedAttributes !== undefined && { excludedAttributes }),
  };
  const found = await repository.get(id, readOptions(type, wanted, exchange.signal));
  const resource = demandSpelled(found, id);
  return await resourceOutcome(exchange, endpoint, 200, resource, { ...wanted, stated });
}

/** The resource as it is now, without its members. */
async function demandCurrent(
  { repository }: Endpoint,
  id: string,
  signal: AbortSignal,
): Promise<Resource> {
  return demandSpelled(await repository.get(id, { excludedAttributes: ["members"], signal }), id);
}
