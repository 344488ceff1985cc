import type { NewUser, User } from "../scim/index.js";
import { SignOnError } from "./errors.js";

/** The user as django-simple-sso sends it to a client. The names are those of the wire. */
export interface SignOnUser {
  /** The name to sign in with; `userName` of SCIM. */
  readonly username: string;
  /** The e-mail address; an empty text where there is none. */
  readonly email: string;
  /** The given name; an empty text where there is none. */
  readonly first_name: string;
  /** The family name; an empty text where there is none. */
  readonly last_name: string;
  /**
   * Whether the user may enter Django's administration at the server. A client is to give no right for it by itself.
   */
  readonly is_staff: boolean;
  /** Whether the user has every right at the server. A client is to give no right for it by itself. */
  readonly is_superuser: boolean;
  /** Whether the user may sign in. */
  readonly is_active: boolean;
  /** Whatever else the server sends. */
  readonly extra_data?: unknown;
}

/** What SCIM has no attributes for. */
export interface StaffFlags {
  /** Default: false. */
  readonly isStaff?: boolean;
  /** Default: false. */
  readonly isSuperuser?: boolean;
}

/** What clients get to know of a user. No user is staff or superuser unless the host says so. */
export function signOnUserOf(user: User, flags: StaffFlags = {}): SignOnUser {
  const { isStaff = false, isSuperuser = false } = flags;
  const emails = user.emails ?? [];
  const email = emails.find(({ primary }) => primary === true) ?? emails[0];
  return {
    username: user.userName,
    email: email?.value ?? "",
    first_name: user.name?.givenName ?? "",
    last_name: user.name?.familyName ?? "",
    is_staff: isStaff,
    is_superuser: isSuperuser,
    is_active: user.active !== false,
  };
}

/**
 * The account that a client makes of what it was sent. It has no privileges: what a server says of those is for the
 * host to map.
 */
export function newUserOf(user: SignOnUser): NewUser {
  const { username, email, first_name: givenName, last_name: familyName } = user;
  const name = {
    ...(givenName === "" ? {} : { givenName }),
    ...(familyName === "" ? {} : { familyName }),
  };
  return {
    userName: username,
    active: user.is_active,
    ...(Object.keys(name).length === 0 ? {} : { name }),
    ...(email === "" ? {} : { emails: [{ value: email, primary: true }] }),
  };
}

/**
 * Reads what a server sent of a user. The draft's releases do not say whether it is active, and mean that it is.
 *
 * @throws {SignOnError} it is no user.
 */
export function readSignOnUser(value: unknown): SignOnUser {
  const members = new Map(
    typeof value === "object" && value !== null ? Object.entries(value) : undefined,
  );
  const text = (name: string, absent?: string): string => {
    const one = members.has(name) ? members.get(name) : absent;
    if (typeof one === "string" && one.length <= 1_024) return one;
    throw new SignOnError("server_failed");
  };
  const flag = (name: string, absent: boolean): boolean => {
    const one = members.has(name) ? members.get(name) : absent;
    if (typeof one === "boolean") return one;
    throw new SignOnError("server_failed");
  };
  const username = text("username");
  if (username === "") throw new SignOnError("server_failed");
  return {
    username,
    email: text("email", ""),
    first_name: text("first_name", ""),
    last_name: text("last_name", ""),
    is_staff: flag("is_staff", false),
    is_superuser: flag("is_superuser", false),
    is_active: flag("is_active", true),
    ...(members.has("extra_data") ? { extra_data: members.get("extra_data") } : {}),
  };
}
