export { KyselyCheckpointRepository } from "./checkpoint-repository.js";
export type {
  AttributeColumn,
  DependentColumn,
  GroupMap,
  IdColumn,
  IdType,
  MappedColumn,
  MemberMap,
  ResourceMap,
  TableReference,
  UserMap,
} from "./column-map.js";
export { KyselyConsumerRepository } from "./consumer-repository.js";
export { KyselyGroupMappingRepository } from "./group-mapping-repository.js";
export { type KyselyGroupOptions, KyselyGroupRepository } from "./group-repository.js";
export { KyselyIdentityMapRepository } from "./identity-map-repository.js";
export { KyselyLinkRepository } from "./link-repository.js";
export { KyselyMembershipRepository } from "./membership-repository.js";
export {
  type NodeSqliteConnection,
  type NodeSqliteFile,
  type NodeSqliteOptions,
  nodeSqliteDialect,
} from "./node-sqlite-dialect.js";
export { type KyselyNonceOptions, KyselyNonceRepository } from "./nonce-repository.js";
export type { KeyReport, KeysFilled, WrongKey } from "./resource-keys.js";
export { KyselyServerRepository } from "./server-repository.js";
export { joinTransaction, type KyselyDatabase } from "./session.js";
export {
  type KyselySignOnTokenOptions,
  KyselySignOnTokenRepository,
} from "./sign-on-token-repository.js";
export { StoredValueError } from "./stored-json.js";
export type { TableOptions } from "./table-names.js";
export { createTables, dropTables } from "./tables.js";
export { type KyselyTargetOptions, kyselyTarget } from "./target.js";
export {
  type KyselyUserOptions,
  KyselyUserRepository,
  type ResourceOptions,
} from "./user-repository.js";
