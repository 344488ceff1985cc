import type { KeyRing, QueryParameters, SigningKey } from "../../signing/index.js";
import { SignOnError } from "../errors.js";

/** The key that a client signs with now. @throws {SignOnError} there is none. */
export function currentKey(keys: KeyRing, at: Date): SigningKey {
  const key = keys.current(at);
  if (key === undefined) throw new SignOnError("unavailable");
  return key;
}

/** A text that must be there. @throws {SignOnError} it is not. */
export function requiredText(value: unknown): string {
  if (typeof value === "string" && value !== "" && value.length <= 1_024) return value;
  throw new SignOnError("server_failed");
}

/** A parameter of a URL that must be there once. @throws {SignOnError} it is not. */
export function singleParameter(parameters: URLSearchParams, name: string): string {
  const [value, ...others] = parameters.getAll(name);
  if (value === undefined || others.length > 0) throw new SignOnError("token_missing");
  return value;
}

/** A signed parameter that must be there once. @throws {SignOnError} it is not. */
export function signedParameter(parameters: QueryParameters, name: string): string {
  const [value, ...others] = parameters.filter(([one]) => one === name);
  if (value === undefined || others.length > 0) throw new SignOnError("server_failed");
  return value[1];
}

/** What links a URL with parameters that are added to it. */
export function linkTo(url: string): "&" | "?" {
  return url.includes("?") ? "&" : "?";
}
