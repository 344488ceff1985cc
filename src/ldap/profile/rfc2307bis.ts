import { type DirectoryProfile, profile } from "./profile.js";
import { rfc2307 } from "./rfc2307.js";

/**
 * The successor of RFC 2307 that never became an RFC (draft-howard-rfc2307bis): groups state their members by
 * distinguished name, and `posixGroup` may be joined to any of the classes for that. `memberUid` is read as well, since
 * directories that moved from the one to the other hold both.
 */
export const rfc2307bis: DirectoryProfile = /* @__PURE__ */ profile({
  extends: rfc2307,
  name: "rfc2307bis",
  groupClasses: ["posixGroup", "groupOfNames", "groupOfUniqueNames", "groupOfMembers"],
  members: [
    { attribute: "member", kind: "dn" },
    { attribute: "uniqueMember", kind: "dn" },
    { attribute: "memberUid", kind: "uid" },
  ],
});
