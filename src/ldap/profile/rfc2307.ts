import { inetOrgPerson } from "./inet-org-person.js";
import { type DirectoryProfile, profile } from "./profile.js";

/**
 * Accounts and groups of POSIX systems as RFC 2307 describes them: a `posixGroup` states its members by `memberUid`.
 *
 * The other attributes are those of {@link inetOrgPerson}, since most such entries are both; one that is only an
 * account is displayed by its `gecos` or `cn`. `active` is not mapped: `shadowExpire`, for one, expires without the
 * entry changing.
 */
export const rfc2307: DirectoryProfile = /* @__PURE__ */ profile({
  extends: inetOrgPerson,
  name: "rfc2307",
  userClasses: ["posixAccount"],
  groupClasses: ["posixGroup"],
  user: {
    displayName: {
      reads: ["displayName", "gecos", "cn"],
      value: (entry) => entry.text("displayName") ?? entry.text("gecos") ?? entry.text("cn"),
    },
  },
  members: [{ attribute: "memberUid", kind: "uid" }],
});
