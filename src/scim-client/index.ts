export { type ClientRequestEvent, clientRequestChannelName } from "./channel.js";
export { ScimClient } from "./client.js";
export type { ServiceProviderConfig } from "./configuration.js";
export type { Authorization, AuthorizationRequest } from "./credentials.js";
export type {
  RetryOptions,
  ScimClientLimits,
  ScimClientOptions,
  ScimClientTls,
} from "./options.js";
export type { PartialResource, ResourceQuery, ScimResources, Wanted } from "./resources.js";
export { ScimResponseError } from "./response-error.js";
