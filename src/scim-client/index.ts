export type { BulkOptions, BulkResult } from "./bulk/bulk.js";
export {
  type ClientIgnoredEvent,
  type ClientRequestEvent,
  clientIgnoredChannelName,
  clientRequestChannelName,
} from "./channel.js";
export { ScimClient } from "./client.js";
export type { ServiceProviderConfig } from "./discovery/configuration.js";
export type { NotUnderstood, RemoteResourceType } from "./discovery/resource-types.js";
export type {
  RetryOptions,
  ScimClientLimits,
  ScimClientOptions,
  ScimClientTls,
} from "./options.js";
export type { ProviderBehaviour, ProviderPreset } from "./provider-preset.js";
export { RemoteGroupRepository } from "./repositories/group-repository.js";
export {
  betterAuthPreset,
  keycloakPreset,
  scimmyPreset,
  scimSdkPreset,
} from "./repositories/presets.js";
export {
  type RemoteRepositories,
  type RemoteRepositoriesOptions,
  remoteRepositories,
  type StatedCapabilities,
} from "./repositories/remote-repositories.js";
export type { RemoteStoreParts } from "./repositories/remote-store.js";
export { RemoteUserRepository } from "./repositories/user-repository.js";
export type { Authorization, AuthorizationRequest } from "./requests/credentials.js";
export { ScimResponseError } from "./requests/response-error.js";
export type { PartialResource, ResourceQuery, ScimResources, Wanted } from "./resources.js";
