export { BodyBuffer } from "./body-buffer.js";
export {
  type BodyDeadline,
  type BodyLimits,
  type BodyProgress,
  readBody,
  readNodeBody,
} from "./read-body.js";
export {
  connectionOf,
  headersOf,
  targetOf,
  toWebRequest,
  type WebRequestOptions,
} from "./web-request.js";
export { sendWebResponse } from "./web-response.js";
