import { textParameter } from "./parameters.js";
import type { EventRequest } from "./request.js";
import { withoutPythonSpaces } from "./text.js";

/** Who a request says that its user is. */
export interface NamedUser {
  /** As it is written, with a realm that may be in it. */
  readonly user: string | undefined;
  readonly realm: string | undefined;
}

/**
 * The user and the realm that a request says, as privacyIDEA reads them. The realm is that of the parameter `realm`,
 * also where it is empty, which is none; else that of a user who is written "name@realm" or, without any "@",
 * "realm\name". At `/auth` the user is `username`, and an empty realm says nothing.
 */
export function namedUser({ parameters, path }: EventRequest): NamedUser {
  const isLogin = isLoginPath(path);
  const user = textParameter(parameters, isLogin ? "username" : "user");
  const realm = textParameter(parameters, "realm");
  const isSaid = isLogin ? realm !== undefined : parameters.has("realm");
  return { user, realm: isSaid ? realm : realmIn(user ?? "") };
}

/**
 * Whether the default realm is that of the user: one is said, and no realm. A user who logs in without one may be an
 * administrator.
 */
export function isOfDefaultRealm(request: EventRequest): boolean {
  const { user, realm } = namedUser(request);
  return user !== undefined && realm === undefined && !isLoginPath(request.path);
}

/** Whether a path is that at which people log in, with whatever escapes. */
function isLoginPath(path: string): boolean {
  return path === "/auth" || path.replace(/%([2-7][\da-f])/gi, asCharacter) === "/auth";
}

function asCharacter(_escape: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function realmIn(written: string): string | undefined {
  const user = withoutPythonSpaces(written);
  const at = user.lastIndexOf("@");
  const realm = at < 0 ? user.slice(0, Math.max(0, user.lastIndexOf("\\"))) : user.slice(at + 1);
  return realm === "" ? undefined : realm;
}
