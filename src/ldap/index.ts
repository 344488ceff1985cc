export type { BindOptions, ExternalBind, GssapiBind, SimpleBind } from "./connection/bind.js";
export { type ConnectOptions, connect, type LdapConnection } from "./connection/connection.js";
export type { GssContext, GssMessage, GssStep, GssTarget } from "./connection/gssapi/context.js";
export type { LdapSearchOptions } from "./connection/search.js";
export type { TlsOptions } from "./connection/transport.js";
export { type DirectoryInspection, inspectDirectory } from "./inspect/inspect.js";
export { activeDirectory, kerberosPrincipal } from "./profile/active-directory.js";
export type { DirectoryEntry } from "./profile/entry.js";
export { type Expiry, generalizedTime, readGeneralizedTime } from "./profile/expiry.js";
export { freeIpa } from "./profile/free-ipa.js";
export { inetOrgPerson } from "./profile/inet-org-person.js";
export type { MappingProblem } from "./profile/mapper.js";
export {
  type AttributeMapping,
  type ComplexMapping,
  type Computed,
  type DirectoryProfile,
  type FromEntry,
  type GroupEntryMapping,
  type MemberAttribute,
  type ProfileChanges,
  profile,
  type UserEntryMapping,
} from "./profile/profile.js";
export { rfc2307 } from "./profile/rfc2307.js";
export { rfc2307bis } from "./profile/rfc2307bis.js";
export type { ResetReason } from "./sync/events.js";
export type { DirectoryFinding, FindingEffect, FindingTopic } from "./sync/finding.js";
export type { DeletionPolicy, Sleep } from "./sync/reading.js";
export type { ReconnectOptions } from "./watch/backoff.js";
export {
  type WatchEvent,
  type WatchStep,
  watchChannelName,
} from "./watch/channel.js";
export { type WatchOptions, watchDirectory } from "./watch/watch.js";
export { firstTextOf, textOf, textsOf, valuesOf } from "./wire/attributes.js";
export {
  LdapCleartextError,
  LdapConnectError,
  LdapConnectionClosedError,
  LdapConnectionLostError,
  LdapCredentialsError,
  LdapDisconnectedError,
  LdapError,
  LdapFilterError,
  LdapMappingError,
  LdapMessageTooLargeError,
  LdapProtocolError,
  LdapResultError,
  LdapTlsError,
  type ResultDetails,
} from "./wire/errors.js";
export { escapeFilterValue } from "./wire/filter.js";
export {
  type GssapiFailure,
  LdapGssapiError,
  LdapProtectionError,
  type Protection,
} from "./wire/gssapi-errors.js";
export type {
  Control,
  IntermediateResponse,
  LdapAttribute,
  LdapSearchRequest,
  OversizedEntry,
  SearchDone,
  SearchEntry,
  SearchMessage,
  SearchReference,
} from "./wire/message.js";
export type { RootDse } from "./wire/root-dse.js";
