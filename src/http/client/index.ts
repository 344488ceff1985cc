export { HttpExchange, type ParsedFields } from "./exchange.js";
export { openPool, type TlsCredentials } from "./pool.js";
