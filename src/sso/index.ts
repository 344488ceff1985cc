export type { ConnectionInfo, Handler } from "../core/index.js";
export {
  type SignOnEvent,
  signOnClientChannelName,
  signOnServerChannelName,
} from "./channel.js";
export {
  type AccountOptions,
  type AccountStores,
  accountFor,
  linkAccount,
  linkedAccount,
} from "./client/account.js";
export {
  type SignOnClient,
  type SignOnClientOptions,
  signOnClient,
} from "./client/client.js";
export { homeUrl } from "./client/home-url.js";
export {
  SignOnError,
  type SignOnErrorOptions,
  type SignOnReason,
  type SiteResponse,
} from "./errors.js";
export type { Identity } from "./identity.js";
export {
  type NewConsumer,
  newConsumer,
  type Rotation,
  revokeConsumer,
  rotateSecret,
} from "./server/consumers.js";
export { type SignOnServer, type SignOnServerOptions, signOnServer } from "./server/server.js";
export type { SignOutResult, UnreachableConsumer } from "./server/sign-out.js";
export {
  type IssuedToken,
  isRegistered,
  issueAccessToken,
  issueRequestToken,
  openRequestToken,
  type SignOnRequest,
  sessionRecord,
  type TokenLifetimes,
  type Visitor,
} from "./server/tokens.js";
export type { Fetch, SendOptions } from "./signed-post.js";
export {
  newUserOf,
  readSignOnUser,
  type SignOnUser,
  type StaffFlags,
  signOnUserOf,
} from "./user-object.js";
