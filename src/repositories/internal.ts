/** What sibling rooms need of this one: it is no entry point of the package. */
export { answersFilter } from "./capabilities.js";
export { changeSetFor } from "./change-set.js";
