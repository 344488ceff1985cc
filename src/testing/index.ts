export { checkpointRepositoryContract } from "./checkpoint-contract.js";
export type { ContractCase, Make } from "./contract.js";
export { type GroupsUnderTest, groupRepositoryContract } from "./group-contract.js";
export { linkRepositoryContract } from "./link-contract.js";
export { membershipRepositoryContract } from "./membership-contract.js";
export { nonceRepositoryContract } from "./nonce-contract.js";
export { type ServersUnderTest, serverRepositoryContract } from "./server-contract.js";
export { syncTargetContract } from "./target-contract.js";
export { userRepositoryContract } from "./user-contract.js";
