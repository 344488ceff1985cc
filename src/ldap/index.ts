export { firstTextOf, textOf, textsOf, valuesOf } from "./attributes.js";
export type { BindOptions, ExternalBind, SimpleBind } from "./bind.js";
export { type ConnectOptions, connect, type LdapConnection } from "./connection.js";
export { type CsnCookie, mergeCookies, parseCookie, printCookie } from "./cookie.js";
export { type AttributeTypeAndValue, DnNormalizer, normalizeDn, parseDn, type Rdn } from "./dn.js";
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
} from "./errors.js";
export { escapeFilterValue } from "./filter.js";
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
} from "./message.js";
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
} from "./profile.js";
export type { DirectoryEntry } from "./profile-entry.js";
export type { MappingProblem } from "./profile-mapper.js";
export { inetOrgPerson } from "./profiles/inet-org-person.js";
export { rfc2307 } from "./profiles/rfc2307.js";
export { rfc2307bis } from "./profiles/rfc2307bis.js";
export type { RootDse } from "./root-dse.js";
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
} from "./sync-messages.js";
export type { TlsOptions } from "./transport.js";
export { type WatchOptions, watchDirectory } from "./watch.js";
export type { ReconnectOptions, Sleep } from "./watch-backoff.js";
export {
  type ResetReason,
  type WatchEvent,
  type WatchStep,
  watchChannelName,
} from "./watch-channel.js";
