import { UnsupportedError } from "../core/index.js";
import type { CallOptions, Capabilities } from "../repositories/index.js";
import { groupResourceType, userResourceType } from "../scim/index.js";
import { capabilitiesOf } from "./capabilities.js";
import type { ScimClient } from "./client.js";
import { bulkLimits } from "./configuration.js";
import { RemoteGroupRepository } from "./group-repository.js";
import { RemoteUserRepository } from "./user-repository.js";

/** What is known of a service provider that it does not say itself. */
export interface RemoteRepositoriesOptions extends CallOptions {
  /** What it can do with users, in place of what is concluded from ServiceProviderConfig. */
  readonly users?: Partial<Capabilities>;
  /** What it can do with groups. */
  readonly groups?: Partial<Capabilities>;
}

/** Repositories whose store is a service provider. */
export interface RemoteRepositories {
  readonly users: RemoteUserRepository;
  /** Absent where the service provider has no groups. */
  readonly groups?: RemoteGroupRepository;
}

/**
 * Repositories of the users and groups at a service provider, as it says that it can do.
 *
 * ```ts
 * const { users, groups } = await remoteRepositories(client);
 * ```
 *
 * @throws {UnsupportedError} it does not say what it can do: the options of the client can.
 */
export async function remoteRepositories(
  client: ScimClient,
  options: RemoteRepositoriesOptions = {},
): Promise<RemoteRepositories> {
  const configuration = await client.configuration(options);
  const means = {
    canPatch: configuration.patch?.supported === true,
    ...(bulkLimits(configuration) !== undefined && { bulk: client.bulk.bind(client) }),
  };
  const users = new RemoteUserRepository({
    resources: client.resources(userResourceType),
    capabilities: { ...capabilitiesOf(configuration, userResourceType), ...options.users },
    ...means,
  });
  if (!(await hasGroups(client, options))) return { users };
  const groups = new RemoteGroupRepository({
    resources: client.resources(groupResourceType),
    capabilities: { ...capabilitiesOf(configuration, groupResourceType), ...options.groups },
    ...means,
  });
  return { users, groups };
}

/** Whether there are groups. A service provider that does not say which types it has is asked for them when they are needed. */
async function hasGroups(client: ScimClient, options: CallOptions): Promise<boolean> {
  try {
    const types = await client.resourceTypes(options);
    const name = groupResourceType.endpoint.toLowerCase();
    return types.some(({ endpoint }) => endpoint.toLowerCase() === name);
  } catch (error) {
    if (error instanceof UnsupportedError) return true;
    throw error;
  }
}
