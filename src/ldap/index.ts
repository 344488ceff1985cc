export { firstTextOf, textOf, textsOf, valuesOf } from "./attributes.js";
export type { BindOptions, ExternalBind, SimpleBind } from "./bind.js";
export { type ConnectOptions, connect, type LdapConnection } from "./connection.js";
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
  SearchDone,
  SearchEntry,
  SearchMessage,
  SearchReference,
  SearchRequest,
} from "./message.js";
export type { RootDse } from "./root-dse.js";
export type { TlsOptions } from "./transport.js";
