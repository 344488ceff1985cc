export { assertDeclared, type Capabilities, type FilterOperator } from "./capabilities.js";
export {
  ChangeLog,
  type LogLabel,
  type LogRecord,
  type NewLogRecord,
  ownerKey,
} from "./change-log.js";
export {
  type AttributeValues,
  applyChangeSet,
  type ChangeSet,
  type InnerPath,
  type MembersChange,
  type Modification,
  reachesWithin,
  wholeChangeSet,
} from "./change-set.js";
export {
  CheckpointRepository,
  type StreamPosition,
  type TakenAway,
  type Unconfirmed,
} from "./checkpoint-repository.js";
export { type Consumer, ConsumerRepository, type ConsumerSecret } from "./consumer-repository.js";
export {
  type Cursor,
  type CursorPosition,
  invalidCursor,
  readCursor,
  writeCursor,
} from "./cursor.js";
export { type FindInMemoryOptions, findInMemory } from "./find-in-memory.js";
export type { ExternalGroupRepository } from "./group-mapping/external-group-repository.js";
export { mapGroups } from "./group-mapping/map-groups.js";
export type {
  GroupMappingOptions,
  MappingRefusal,
  MappingReport,
} from "./group-mapping/options.js";
export { type GroupMapping, GroupMappingRepository } from "./group-mapping-repository.js";
export {
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type Membership,
} from "./group-repository.js";
export type { IdentityMapOptions } from "./identity-map/identities.js";
export { withIdentityMap } from "./identity-map/with-identity-map.js";
export {
  type IdentifiedType,
  IdentityMapRepository,
  type MappedIdentity,
} from "./identity-map-repository.js";
export { leaveGroups } from "./leave-groups.js";
export {
  type Failure,
  type HeldName,
  type Link,
  type LinkOwner,
  LinkRepository,
  type LinkSelection,
  type LinkState,
} from "./link-repository.js";
export type { Member } from "./member-types.js";
export {
  type Grant,
  type GrantKey,
  MembershipRepository,
  type Reference,
  type SourceGrant,
} from "./membership-repository.js";
export { InMemoryChangeLog, type InMemoryChangeLogOptions } from "./memory/change-log.js";
export { InMemoryCheckpointRepository } from "./memory/checkpoint-repository.js";
export { InMemoryConsumerRepository } from "./memory/consumer-repository.js";
export { InMemoryGroupMappingRepository } from "./memory/group-mapping-repository.js";
export { type InMemoryGroupOptions, InMemoryGroupRepository } from "./memory/group-repository.js";
export { InMemoryIdentityMapRepository } from "./memory/identity-map-repository.js";
export { InMemoryLinkRepository } from "./memory/link-repository.js";
export { InMemoryMembershipRepository } from "./memory/membership-repository.js";
export { type InMemoryNonceOptions, InMemoryNonceRepository } from "./memory/nonce-repository.js";
export type { InMemoryResourceOptions } from "./memory/resource-store.js";
export {
  type InMemorySignOnTokenOptions,
  InMemorySignOnTokenRepository,
} from "./memory/sign-on-token-repository.js";
export {
  type InMemoryTarget,
  type InMemoryTargetOptions,
  inMemoryTarget,
} from "./memory/target.js";
export { type InMemoryUserOptions, InMemoryUserRepository } from "./memory/user-repository.js";
export type { MirroredGroups, MirroredUsers, MirrorTarget } from "./mirror/mirror-target.js";
export { mirrored } from "./mirror/mirrored.js";
export { type Nonce, NonceRepository } from "./nonce-repository.js";
export type { Page, Query } from "./query.js";
export {
  type CallOptions,
  isRefusal,
  type ReadOptions,
  type Refusal,
  ResourceRepository,
  type Write,
  type WriteOptions,
  type WriteResult,
  writtenWith,
} from "./resource-repository.js";
export {
  type FederationServer,
  type FederationServerHealthCheck,
  type FederationServerLimits,
  type FederationServerTls,
  ServerRepository,
} from "./server-repository.js";
export {
  type Bindings,
  type LinkedEntry,
  type MadeMembership,
  type MembershipDifferences,
  type MissingMembership,
  SettlementStore,
  type StatedGroup,
  type StatedReferences,
} from "./settlement-store.js";
export {
  type SignOnToken,
  type SignOnTokenKey,
  SignOnTokenRepository,
} from "./sign-on-token-repository.js";
export type { SyncTarget } from "./sync-target.js";
export { endSessions, type SessionsEnded, UserRepository } from "./user-repository.js";
