import { type DirectoryProfile, inetOrgPerson, profile, rfc2307, rfc2307bis } from "concordat/ldap";
import type { ProfileName } from "./options.ts";

const profiles: Readonly<Record<ProfileName, DirectoryProfile>> = {
  inetOrgPerson,
  rfc2307,
  rfc2307bis,
};

/** The value that an administrator sets to lock an account for good; any other is the time of a lock that passes. */
export const lockedForGood = "000001010000Z";

/**
 * A profile of the package that also says who may sign in.
 *
 * No standard attribute of a person does. OpenLDAP's password policy has `pwdAccountLockedTime`; if your directory says
 * it in another way, by an `employeeType` perhaps or by the group of those who left, say so here.
 */
export function profileWithLocks(name: ProfileName): DirectoryProfile {
  return profile({
    extends: profiles[name],
    user: {
      active: {
        reads: ["pwdAccountLockedTime"],
        value: (entry) => entry.text("pwdAccountLockedTime") !== lockedForGood,
      },
    },
  });
}
