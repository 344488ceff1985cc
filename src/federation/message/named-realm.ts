import { type Parameters, textParameter } from "./parameters.js";

/**
 * The realm that parameters say, as privacyIDEA reads it: that of `realm`, also where it is empty, which is none; else that of a user who
 * is written "name@realm" or, without any "@", "realm\name".
 */
export function namedRealm(parameters: Parameters): string | undefined {
  if (parameters.has("realm")) return textParameter(parameters, "realm");
  const user = withoutPythonSpaces(textParameter(parameters, "user") ?? "");
  const at = user.lastIndexOf("@");
  const realm = at < 0 ? user.slice(0, Math.max(0, user.lastIndexOf("\\"))) : user.slice(at + 1);
  return realm === "" ? undefined : realm;
}

/** Whether parameters say a user, and no realm. */
export function namesNoRealm(parameters: Parameters): boolean {
  return textParameter(parameters, "user") !== undefined && namedRealm(parameters) === undefined;
}

/** A text without what Python's `strip` takes away: not the byte order mark, but separators, and the next line. */
function withoutPythonSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isPythonSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isPythonSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isPythonSpace(code: number): boolean {
  if ((code >= 0x1c && code <= 0x1f) || code === 0x85) return true;
  return code !== 0xfeff && /\s/.test(String.fromCharCode(code));
}
