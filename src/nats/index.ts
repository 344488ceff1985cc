export { NatsChangeLog } from "./change-log.js";
export type { NatsChangeLogOptions } from "./options.js";
