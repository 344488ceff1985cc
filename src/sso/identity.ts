import type { SignOnUser } from "./user-object.js";

/** Who signed in, as the server says. */
export interface Identity {
  /** The URL of the server. Accounts are linked by it and the subject. */
  readonly server: string;
  /** By what the server means the user: its id in the secure format, its name in those of django-simple-sso. */
  readonly subject: string;
  /** The name of the session at the server, which a sign-out names. Only in the secure format. */
  readonly session?: string;
  /** The user as the server describes it. */
  readonly user: SignOnUser;
}
