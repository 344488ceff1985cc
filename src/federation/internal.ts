/** What sibling rooms need of this one: it is no entry point of the package. */
export { pythonFloat } from "./rewrite/python-json.js";
export { signResponse } from "./rewrite/response-signature.js";
