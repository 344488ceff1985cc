export type { BulkOptions, BulkOutcome } from "./bulk.js";
export {
  type ClientIgnoredEvent,
  type ClientRequestEvent,
  clientIgnoredChannelName,
  clientRequestChannelName,
} from "./channel.js";
export { ScimClient } from "./client.js";
export type { ServiceProviderConfig } from "./configuration.js";
export type { Authorization, AuthorizationRequest } from "./credentials.js";
export { RemoteGroupRepository } from "./group-repository.js";
export type {
  RetryOptions,
  ScimClientLimits,
  ScimClientOptions,
  ScimClientTls,
} from "./options.js";
export {
  betterAuthPreset,
  keycloakPreset,
  scimmyPreset,
  scimSdkPreset,
} from "./presets.js";
export type { ProviderBehaviour, ProviderPreset } from "./provider-preset.js";
export {
  type RemoteRepositories,
  type RemoteRepositoriesOptions,
  remoteRepositories,
} from "./remote-repositories.js";
export type { RemoteStoreParts } from "./remote-store.js";
export type { NotUnderstood, RemoteResourceType } from "./resource-types.js";
export type { PartialResource, ResourceQuery, ScimResources, Wanted } from "./resources.js";
export { ScimResponseError } from "./response-error.js";
export { RemoteUserRepository } from "./user-repository.js";
