export {
  type Child,
  type ChildOptions,
  type ChildRequest,
  type ChildUser,
  startChild,
} from "./child.js";
export type { ChildFault } from "./child-faults.js";
