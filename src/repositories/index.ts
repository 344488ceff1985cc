export type { Capabilities } from "./capabilities.js";
export { CheckpointRepository, type StreamPosition } from "./checkpoint-repository.js";
export {
  GroupRepository,
  type MemberOptions,
  type MemberPage,
  type Membership,
} from "./group-repository.js";
export {
  type Failure,
  type HeldName,
  type Link,
  type LinkOwner,
  LinkRepository,
  type LinkSelection,
  type LinkState,
} from "./link-repository.js";
export {
  type Grant,
  type GrantKey,
  MembershipRepository,
  type Reference,
  type SourceGrant,
} from "./membership-repository.js";
export { InMemoryCheckpointRepository } from "./memory/checkpoint-repository.js";
export { type InMemoryGroupOptions, InMemoryGroupRepository } from "./memory/group-repository.js";
export { InMemoryLinkRepository } from "./memory/link-repository.js";
export { InMemoryMembershipRepository } from "./memory/membership-repository.js";
export { type InMemoryNonceOptions, InMemoryNonceRepository } from "./memory/nonce-repository.js";
export type { InMemoryResourceOptions } from "./memory/resource-store.js";
export {
  type InMemoryTarget,
  type InMemoryTargetOptions,
  inMemoryTarget,
} from "./memory/target.js";
export { type InMemoryUserOptions, InMemoryUserRepository } from "./memory/user-repository.js";
export { type Nonce, NonceRepository } from "./nonce-repository.js";
export type { Filter, Page, Query } from "./query.js";
export {
  applyChangeSet,
  type CallOptions,
  type ChangeSet,
  changeSetFor,
  isRefusal,
  type MembersChange,
  type Modification,
  type ReadOptions,
  type Refusal,
  ResourceRepository,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "./resource-repository.js";
export {
  type FederationServer,
  type FederationServerHealthCheck,
  type FederationServerLimits,
  type FederationServerTls,
  ServerRepository,
} from "./server-repository.js";
export type { SyncTarget } from "./sync-target.js";
export { endSessions, type SessionsEnded, UserRepository } from "./user-repository.js";
