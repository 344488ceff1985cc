/** What sibling rooms need of this one: it is no entry point of the package. */
export { supportsFilter } from "./capabilities.js";
export { changeSetFor } from "./change-set.js";
export { membershipKey, memberUri } from "./membership-keys.js";
