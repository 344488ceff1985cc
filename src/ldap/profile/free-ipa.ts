import type { DirectoryEntry } from "./entry.js";
import { readGeneralizedTime } from "./expiry.js";
import { inetOrgPerson } from "./inet-org-person.js";
import { type DirectoryProfile, profile } from "./profile.js";

/**
 * The users and groups of FreeIPA, whose base is `cn=accounts` below the suffix: what is below `cn=provisioning`, users
 * who are staged or preserved, are none.
 *
 * A user is not `active` who is locked (`nsAccountLock`), or from the moment on that `krbPrincipalExpiration` states.
 * An expired password says nothing of an account, nor do failed logins. The private group of a user, which has no
 * members, is no group: only `ipaUserGroup` is.
 */
export const freeIpa: DirectoryProfile = /* @__PURE__ */ profile({
  extends: inetOrgPerson,
  name: "freeIpa",
  userClasses: ["posixAccount"],
  groupClasses: ["ipaUserGroup"],
  user: {
    active: { reads: ["nsAccountLock", "krbPrincipalExpiration"], value: isActive },
    displayName: {
      reads: ["displayName", "cn"],
      value: (entry) => entry.text("displayName") ?? entry.text("cn"),
    },
  },
  members: [{ attribute: "member", kind: "dn" }],
  expiries: [{ attribute: "krbPrincipalExpiration", read: readGeneralizedTime }],
});

function isActive(entry: DirectoryEntry): boolean {
  if (entry.text("nsAccountLock")?.toLowerCase() === "true") return false;
  const end = entry.text("krbPrincipalExpiration");
  const moment = end === undefined ? undefined : readGeneralizedTime(end);
  return moment === undefined || moment > entry.now;
}
