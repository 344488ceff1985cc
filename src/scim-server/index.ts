export type { ConnectionInfo, Handler } from "../core/index.js";
export { type BearerJwtOptions, bearerJwt } from "./access/bearer-jwt.js";
export {
  type BearerToken,
  type BearerTokenOptions,
  bearerTokens,
  type TokenClient,
  type TokenClients,
} from "./access/bearer-tokens.js";
export type { Policy, RequestedChange } from "./access/policy.js";
export { type IgnoredPart, type RequestEvent, requestChannelName } from "./channel.js";
export { createScimServer } from "./create-scim-server.js";
export type { ScimLimits } from "./limits.js";
export {
  type AuthenticationScheme,
  type LostReferences,
  mayWriteByDefault,
  type ScimServerOptions,
} from "./options.js";
export type { Principal, ScimRepositories } from "./principal.js";
export type { CursorOptions } from "./query/cursors.js";
export { ScimRequestError } from "./request/error.js";
export type { Resolution, Resolve } from "./resource/resolve.js";
