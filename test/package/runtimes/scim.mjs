import {
  applyPatch,
  bindFilter,
  compileFilter,
  parseFilter,
  planPatch,
  userResourceType,
} from "concordat/scim";

/** A filter, and a PATCH as identity providers send one. */
export async function run() {
  const user = { id: "1", userName: "ada", active: true };
  const matches = compileFilter(bindFilter(parseFilter('userName eq "ADA"'), userResourceType));
  const plan = planPatch(userResourceType, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [{ op: "replace", path: "active", value: false }],
  });
  if (!matches(user)) throw new Error("The filter does not match.");
  if (applyPatch(plan, user).active !== false) throw new Error("The PATCH has no effect.");
}
