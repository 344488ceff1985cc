export { targetOf, toWebRequest } from "./web-request.js";
export { sendWebResponse } from "./web-response.js";
