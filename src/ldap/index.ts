export type { BindOptions, ExternalBind, SimpleBind } from "./connection/bind.js";
export { type ConnectOptions, connect, type LdapConnection } from "./connection/connection.js";
export type { TlsOptions } from "./connection/transport.js";
export type { DirectoryEntry } from "./profile/entry.js";
export { inetOrgPerson } from "./profile/inet-org-person.js";
export type { MappingProblem } from "./profile/mapper.js";
export {
  type AttributeMapping,
  type ComplexMapping,
  type Computed,
  type FromEntry,
  type GroupMapping,
  type MemberAttribute,
  type Profile,
  type ProfileChanges,
  profile,
  type UserMapping,
} from "./profile/profile.js";
export { rfc2307 } from "./profile/rfc2307.js";
export { rfc2307bis } from "./profile/rfc2307bis.js";
export type { ResetReason } from "./sync/events.js";
export { type CsnCookie, mergeCookies, parseCookie, printCookie } from "./sync/openldap/cookie.js";
export type { Sleep } from "./sync/reading.js";
export type { ReconnectOptions } from "./watch/backoff.js";
export {
  type WatchEvent,
  type WatchStep,
  watchChannelName,
} from "./watch/channel.js";
export { type WatchOptions, watchDirectory } from "./watch/watch.js";
export { firstTextOf, textOf, textsOf, valuesOf } from "./wire/attributes.js";
export {
  type AttributeTypeAndValue,
  DnNormalizer,
  normalizeDn,
  parseDn,
  type Rdn,
} from "./wire/dn.js";
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
export type {
  Attribute,
  Control,
  IntermediateResponse,
  OversizedEntry,
  SearchDone,
  SearchEntry,
  SearchMessage,
  SearchReference,
  SearchRequest,
} from "./wire/message.js";
export type { RootDse } from "./wire/root-dse.js";
export {
  type EntryState,
  readSyncDone,
  readSyncInfo,
  readSyncState,
  type SyncDone,
  type SyncInfo,
  type SyncMode,
  type SyncState,
  syncDoneOid,
  syncInfoOid,
  syncRequest,
  syncRequestOid,
  syncStateOid,
} from "./wire/sync-messages.js";
