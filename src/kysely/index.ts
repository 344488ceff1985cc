export {
  createChangeLogTables,
  KyselyChangeLog,
  type KyselyChangeLogOptions,
} from "./change-log/change-log.js";
export type {
  AttributeColumn,
  DependentColumn,
  GroupColumns,
  GroupMap,
  IdColumn,
  IdType,
  MappedColumn,
  MemberMap,
  ResourceMap,
  TableReference,
  UserColumns,
  UserMap,
} from "./column-map/column-map.js";
export type { TableOptions } from "./column-map/table-names.js";
export { KyselyServerRepository } from "./federation/server-repository.js";
export { KyselyGroupMappingRepository } from "./mappings/group-mapping-repository.js";
export { KyselyIdentityMapRepository } from "./mappings/identity-map-repository.js";
export { type KyselyGroupOptions, KyselyGroupRepository } from "./resources/group-repository.js";
export type { KeyClash, KeysFilled } from "./resources/key-filling.js";
export type { KeyReport, WrongKey } from "./resources/keys.js";
export {
  type KyselyRepositories,
  type KyselyRepositoriesOptions,
  type KyselyUsers,
  kyselyRepositories,
} from "./resources/repositories.js";
export {
  type KyselyUserOptions,
  KyselyUserRepository,
  type ResourceOptions,
} from "./resources/user-repository.js";
export {
  type NodeSqliteConnection,
  type NodeSqliteFile,
  type NodeSqliteOptions,
  nodeSqliteDialect,
} from "./sql/node-sqlite-dialect.js";
export { joinTransaction, type KyselyDatabase } from "./sql/session.js";
export { StoredValueError } from "./sql/stored-json.js";
export { KyselyConsumerRepository } from "./sso/consumer-repository.js";
export { type KyselyNonceOptions, KyselyNonceRepository } from "./sso/nonce-repository.js";
export {
  type KyselySignOnTokenOptions,
  KyselySignOnTokenRepository,
} from "./sso/sign-on-token-repository.js";
export { KyselyCheckpointRepository } from "./sync-state/checkpoint-repository.js";
export { KyselyLinkRepository } from "./sync-state/link-repository.js";
export { KyselyMembershipRepository } from "./sync-state/membership-repository.js";
export { type KyselyTargetOptions, kyselyTarget } from "./sync-state/target.js";
export {
  createTables,
  dropTables,
  type TableSets,
  type TablesCreated,
} from "./tables/create-tables.js";
export type { TableSet } from "./tables/definitions.js";
export type { NameClash } from "./tables/migrations.js";
export { openSqlite, type SqliteOptions } from "./tables/open-sqlite.js";
export { type TablesDialect, type TablesSqlOptions, tablesSql } from "./tables/tables-sql.js";
