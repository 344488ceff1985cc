export type { ConnectionInfo, Handler } from "../core/index.js";
export { type BearerJwtOptions, bearerJwt } from "./bearer-jwt.js";
export { type BearerToken, type BearerTokenOptions, bearerTokens } from "./bearer-tokens.js";
export { type IgnoredPart, type RequestEvent, requestChannelName } from "./channel.js";
export { createScimServer } from "./create-scim-server.js";
export type { CursorOptions } from "./cursors.js";
export type { ScimLimits } from "./limits.js";
export {
  type AuthenticationScheme,
  type LostReferences,
  mayWriteByDefault,
  type Principal,
  type ScimRepositories,
  type ScimServerOptions,
} from "./options.js";
export type { Operation, Policy } from "./policy.js";
export { ScimRequestError } from "./request-error.js";
export type { Resolution, Resolve } from "./resolve.js";
