export type { ConnectionInfo, Handler } from "../core/index.js";
export { type NodeListener, type NodeListenerOptions, nodeListener } from "./node-listener.js";
