import { enterpriseUserId, type NewUser } from "../../scim/index.js";
import type { DirectoryEntry } from "./entry.js";
import type { DirectoryProfile } from "./profile.js";

/**
 * People as RFC 2798 describes them, and groups as RFC 4519 does: `groupOfNames` and `groupOfUniqueNames`, which state
 * their members by distinguished name.
 *
 * These classes do not say whether a person may sign in, so `active` is not mapped: map it from whatever the directory
 * at hand uses for it, such as the `pwdAccountLockedTime` of its password policy.
 */
export const inetOrgPerson: DirectoryProfile = {
  name: "inetOrgPerson",
  userClasses: ["inetOrgPerson"],
  groupClasses: ["groupOfNames", "groupOfUniqueNames"],
  uid: "uid",
  user: {
    userName: "uid",
    externalId: (entry) => entry.id,
    name: { formatted: "cn", familyName: "sn", givenName: "givenName" },
    displayName: "displayName",
    title: "title",
    userType: "employeeType",
    preferredLanguage: "preferredLanguage",
    emails: { reads: ["mail"], value: emails },
    phoneNumbers: { reads: ["telephoneNumber", "mobile"], value: phoneNumbers },
    [enterpriseUserId]: {
      employeeNumber: "employeeNumber",
      organization: "o",
      department: "departmentNumber",
    },
  },
  group: {
    displayName: "cn",
    externalId: (entry) => entry.id,
  },
  members: [
    { attribute: "member", kind: "dn" },
    { attribute: "uniqueMember", kind: "dn" },
  ],
};

/** Every `mail`, as an address at work; the first is the primary one (RFC 7643 §2.4). */
function emails(entry: DirectoryEntry): NewUser["emails"] | null {
  const values = entry.texts("mail");
  if (values.length === 0) return null;
  return values.map((value, index) =>
    index === 0 ? { value, type: "work", primary: true } : { value, type: "work" },
  );
}

/** The numbers as the directory writes them, which is mostly in the form of E.123. */
function phoneNumbers(entry: DirectoryEntry): NewUser["phoneNumbers"] | null {
  const work = entry.texts("telephoneNumber");
  const mobile = entry.texts("mobile");
  if (work.length + mobile.length === 0) return null;
  return [
    ...work.map((value) => ({ value, type: "work" })),
    ...mobile.map((value) => ({ value, type: "mobile" })),
  ];
}
