export type { ConcordatConfig, SourceInspection, SyncConfig } from "./config.js";
export { defineConfig } from "./config.js";
export { ConfigError } from "./errors.js";
export { secret } from "./secret.js";
